.PHONY: generate

# Everything that is generated and committed: rules, dashboards, chart, manifests.
generate:
	go -C e2e run ./mixin
	go -C e2e run ./chart/chartgen generate
