package harness

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// PeakMemory returns the most memory that the program has had resident so far,
// in bytes.
func (p *Process) PeakMemory(t *testing.T) int64 {
	t.Helper()
	peak, err := p.Peak()
	if err != nil {
		t.Fatal(err)
	}
	return peak
}

// Peak is PeakMemory for programs that are no tests.
func (p *Process) Peak() (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, fmt.Errorf("%s does not report its peak memory", p.Name)
}
