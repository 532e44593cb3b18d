package dcsapi_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// child runs the test that calls it in a process of its own, with one more
// variable and CHILD set, and returns what it prints. There the test fails, to
// tell something.
func child(t *testing.T, variable string) string {
	t.Helper()
	name, _, _ := strings.Cut(t.Name(), "/")
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^"+name+"$", "-test.v")
	command.Env = append(os.Environ(), variable, "CHILD=1")
	output, err := command.CombinedOutput()
	if err == nil {
		t.Errorf("%s passed", command)
	}
	return string(output)
}
