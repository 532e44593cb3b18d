# Build: docker build --build-arg VERSION=0.1.0 -t dcs_session_exporter .
ARG GO_IMAGE=docker.io/library/golang:1.26.8-alpine3.22
ARG BASE_IMAGE=gcr.io/distroless/static-debian12:nonroot

FROM --platform=${BUILDPLATFORM:-linux/amd64} ${GO_IMAGE} AS build
ARG TARGETOS=linux
ARG TARGETARCH=amd64
ARG VERSION=unreleased
ARG REVISION=unknown
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 GOOS=${TARGETOS} GOARCH=${TARGETARCH} go build -trimpath -buildvcs=false \
    -ldflags "-s -w -X github.com/prometheus/common/version.Version=${VERSION} -X github.com/prometheus/common/version.Revision=${REVISION}" \
    -o /dcs_session_exporter .

FROM ${BASE_IMAGE}
ARG VERSION=unreleased
ARG REVISION=unknown
LABEL org.opencontainers.image.title="dcs_session_exporter" \
      org.opencontainers.image.description="Prometheus exporter for the client sessions of Huawei Cloud DCS" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /dcs_session_exporter /bin/dcs_session_exporter
USER 65532:65532
EXPOSE 9947
ENTRYPOINT ["/bin/dcs_session_exporter"]
CMD ["--config.file=/etc/dcs_session_exporter/config.yml"]
