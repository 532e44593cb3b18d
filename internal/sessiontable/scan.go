package sessiontable

import (
	"context"

	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/collector/reader"
)

// Scan scans a node of a target on demand; see reader.Reader.Scan.
func Scan(ctx context.Context, r *reader.Reader, t *fleet.Target, nodeID string) error {
	err := r.Scan(ctx, t.ID, nodeID)
	t.RefreshNodesAfter(err)
	return err
}
