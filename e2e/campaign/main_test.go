package main

import (
	"bytes"
	"strings"
	"testing"

	"dcs_session_exporter/e2e/campaign/attack"
	"dcs_session_exporter/internal/emulator"
)

// TestRun runs one attack through the command.
func TestRun(t *testing.T) {
	var out, errors bytes.Buffer
	if err := run(t.Context(), []string{"-root=../..", "-run=^refuse-401-length$", "-seed=3"}, &out, &errors); err != nil {
		t.Fatalf("%v\n%s%s", err, out.String(), errors.String())
	}
	for _, want := range []string{"seed 3.", "| attack | expected | seen | verdict |", "\n| refuse-401-length | auth; ", ", 1 refused, ", " | held |\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestRefuses(t *testing.T) {
	for args, want := range map[string]string{"-run=nothing-of-this-name": "matches no attack", "-run=(": "-run: ", "-nothing": "not defined"} {
		var out, errors bytes.Buffer
		if err := run(t.Context(), []string{"-root=../..", args}, &out, &errors); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
}

// TestList checks that each attack of the emulator has its place in the
// campaign, and that names are not given twice.
func TestList(t *testing.T) {
	var out, errors bytes.Buffer
	if err := run(t.Context(), []string{"-list"}, &out, &errors); err != nil {
		t.Fatal(err)
	}
	for _, a := range emulator.Attacks() {
		if !strings.Contains("\n"+out.String(), "\n"+a.Name+": ") {
			t.Errorf("no campaign has %s", a.Name)
		}
	}
	seen := make(map[string]bool)
	for _, a := range attack.All() {
		if seen[a.Name] || a.Expected == "" {
			t.Errorf("%s is there twice, or expects nothing", a.Name)
		}
		seen[a.Name] = true
	}
}
