//go:build race

package web_test

// raceDetector says that the race detector is on, which takes several times the
// memory: what is measured then says nothing.
const raceDetector = true
