# docker build --build-arg VERSION=0.1.0 --build-arg REVISION=$(git rev-parse HEAD) -t dcs_session_exporter .
#
# Both bases can be replaced, by a mirror's or your own.
ARG GO_IMAGE=docker.io/library/golang:1.26.8-bookworm
# It has CA certificates, time zones and a user without rights, and no shell.
ARG BASE_IMAGE=gcr.io/distroless/static-debian12:nonroot

# Built on the builder's own platform, for any other: no emulation is needed.
FROM --platform=${BUILDPLATFORM:-linux/amd64} ${GO_IMAGE} AS build
ARG TARGETOS=linux
ARG TARGETARCH
ARG VERSION=unreleased
ARG REVISION=unknown
ARG BRANCH=unknown
ARG BUILD_DATE=unknown
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 GOOS=${TARGETOS} GOARCH=${TARGETARCH} go build -trimpath -buildvcs=false \
    -ldflags "-s -w \
      -X github.com/prometheus/common/version.Version=${VERSION} \
      -X github.com/prometheus/common/version.Revision=${REVISION} \
      -X github.com/prometheus/common/version.Branch=${BRANCH} \
      -X github.com/prometheus/common/version.BuildDate=${BUILD_DATE}" \
    -o /dcs_session_exporter .

FROM ${BASE_IMAGE}
ARG VERSION=unreleased
ARG REVISION=unknown
ARG BUILD_DATE=unknown
LABEL org.opencontainers.image.title="dcs_session_exporter" \
      org.opencontainers.image.description="Prometheus exporter for the client sessions of Huawei Cloud DCS (managed Redis)" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${BUILD_DATE}"
COPY --from=build /dcs_session_exporter /bin/dcs_session_exporter
COPY LICENSE /licenses/LICENSE
# By number, so that Kubernetes can tell that it is not root.
USER 65532:65532
EXPOSE 9947
# No HEALTHCHECK: the image has nothing to ask with, and orchestrators have
# probes of their own, for /-/healthy and /-/ready.
ENTRYPOINT ["/bin/dcs_session_exporter"]
CMD ["--config.file=/etc/dcs_session_exporter/config.yml"]
