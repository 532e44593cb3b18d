// Package e2e tests the built daemon against real components: a real Redis,
// through the emulated DCS API, and a real Prometheus. It is a module of its
// own, so that the product's go.mod lists what the product uses. Its package
// harness starts the components.
package e2e
