package dcsapi_test

import (
	"fmt"
	"iter"
	"net/http"
	"testing"

	"dcs_session_exporter/dcsapi"
)

// TestSessionsWithErrorCode checks that a request is not sent again if its response
// has sessions and an error_code: they would be consumed twice.
func TestSessionsWithErrorCode(t *testing.T) {
	for code, reason := range map[string]dcsapi.Reason{"APIGW.0308": dcsapi.ReasonThrottled, "APIGW.0301": dcsapi.ReasonAuth, "DCS.5000": dcsapi.ReasonDecode} {
		requests, consumed := 0, 0
		client := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			requests++
			_, _ = fmt.Fprintf(w, `{"count":1,"time":"2026-01-01T00:00:00Z","clients":[{"id":"1","addr":"10.0.0.1:1"}],"error_code":%q}`, code)
		}), nil)
		_, err := client.ListClients(t.Context(), dcsapi.ListClientsRequest{InstanceID: "instance-1", NodeID: "node-1"}, func(sessions iter.Seq[*dcsapi.Session]) {
			for range sessions {
				consumed++
			}
		})
		if dcsapi.ReasonOf(err) != reason || requests != 1 || consumed != 1 {
			t.Errorf("%s: %v after %d requests; %d sessions consumed", code, err, requests, consumed)
		}
	}
}
