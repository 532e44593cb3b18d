package reader

import (
	"context"
	"fmt"
	"time"

	"dcs_session_exporter/dcsapi"
)

// trace records a step of reading the node, if somebody wants to know.
func (n *node) trace(ctx context.Context, format string, args ...any) {
	if t := dcsapi.TraceOf(ctx); t != nil {
		t.Step(n.id, fmt.Sprintf(format, args...))
	}
}

// traceNoScan records why the node is not scanned.
func (n *node) traceNoScan(ctx context.Context, o *ScanOptions) {
	if o.Off {
		n.trace(ctx, "no scan: scan.mode is off")
		return
	}
	n.trace(ctx, "no scan: the last one is %s old, scan.min_interval is %s", time.Since(n.scanned).Round(time.Millisecond), o.MinInterval)
}

// traceVerdict records how a reading ended.
func (n *node) traceVerdict(ctx context.Context, out *Reading) {
	if out.Err != nil {
		n.trace(ctx, "verdict: not read (%s)", dcsapi.ReasonOf(out.Err))
		return
	}
	n.trace(ctx, "verdict: read, %d sessions, %d warnings", out.Snapshot.Sessions, len(out.Warnings))
}
