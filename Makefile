# VERSION is the version of the image and of the binary that these targets build;
# releases take theirs from the tag (packaging/release).
VERSION ?= unreleased
IMAGE ?= localhost/dcs_session_exporter:$(VERSION)
version = github.com/prometheus/common/version

.PHONY: build test lint e2e bench generate snapshot package image gate

# The daemon, as ./dcs_session_exporter.
build:
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X $(version).Version=$(VERSION) -X $(version).Revision=$$(git rev-parse HEAD)" .

# Tests that need only Go.
test:
	go test ./...

lint:
	go build -C tools -o "$(CURDIR)/.cache/golangci-lint" github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	.cache/golangci-lint run ./...
	cd e2e && ../.cache/golangci-lint run --config ../.golangci.yml ./...

# Tests with real components; they also need redis-server and chromium.
e2e:
	.ci/tools
	go -C e2e test -count=1 ./...

# Go benchmarks. Whole scrapes: go -C e2e run ./benchmark.
bench:
	go test -run '^$$' -bench . -benchmem ./...

# Everything that is generated and committed: rules, dashboards, chart, manifests.
generate:
	go -C e2e run ./mixin
	go -C e2e run ./chart/chartgen generate

# All files of a release, in dist/upload.
snapshot:
	packaging/release --snapshot

# Installs and removes the packages that snapshot has built, in an overlay.
package:
	.ci/package

# The image for amd64 and arm64, with buildah.
image:
	packaging/image "$(IMAGE)" "$(VERSION)"

# Everything that must pass before a change is merged.
gate:
	.ci/run
