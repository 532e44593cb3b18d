package e2e_test

import (
	"testing"

	"dcs_session_exporter/e2e/harness"
)

func TestMain(m *testing.M) { harness.Main(m, "..") }
