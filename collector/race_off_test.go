//go:build !race

package collector_test

// raceDetector says that the race detector is on.
const raceDetector = false
