//go:build !race

package web_test

// raceDetector says that the race detector is on.
const raceDetector = false
