package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestEnvironment checks that flags can be set in the environment, that the
// command line comes first, and that a wrong value is reported with its variable.
func TestEnvironment(t *testing.T) {
	taken := newTaken(t) // so that no server starts
	for _, tt := range []struct {
		name string
		env  map[string]string
		args []string
		err  string // a part of it, "" for none
	}{
		{"used", map[string]string{"WEB_LISTEN_ADDRESS": taken, "DEMO": "true"}, nil, `cannot listen on "` + taken + `"`},
		{"the command line comes first", map[string]string{"WEB_LISTEN_ADDRESS": "127.0.0.1:1"}, []string{"--demo", "--web.listen-address=" + taken}, `cannot listen on "` + taken + `"`},
		{"not a word", map[string]string{"LOG_LEVEL": "wran"}, []string{"--demo"}, `environment variable DCS_SESSION_EXPORTER_LOG_LEVEL: invalid --log.level "wran": must be one of debug, info, warn, error; did you mean warn?`},
		{"not used where the flag is set", map[string]string{"LOG_LEVEL": "wran"}, []string{"--demo", "--log.level=info", "--web.listen-address=" + taken}, "cannot listen"},
		{"not a switch", map[string]string{"DEMO": "maybe"}, nil, `environment variable DCS_SESSION_EXPORTER_DEMO: invalid --demo "maybe": must be true or false`},
		{"not a number", map[string]string{"LIMIT": "1.5"}, []string{"sessions", "--instance=x"}, `environment variable DCS_SESSION_EXPORTER_LIMIT: invalid --limit "1.5"`},
		{"of another command", map[string]string{"LIMIT": "1.5"}, []string{"check", "--config.file=/nonexistent"}, "no such file"},
		{"not a duration", map[string]string{"TIMEOUT": "soon"}, []string{"instances"}, `environment variable DCS_SESSION_EXPORTER_TIMEOUT: invalid --timeout "soon"`},
		{"a file in the environment does not forbid the demo", map[string]string{"CONFIG_FILE": "/nonexistent"}, []string{"--demo", "--web.listen-address=" + taken}, "cannot listen"},
		{"a required flag", map[string]string{"INSTANCE": "dev-single"}, []string{"sessions", "--demo"}, ""},
		{"not a flag to set", map[string]string{"VERSION": "1.2.3", "HELP": "maybe", "COMPLETION_BASH": "x"}, []string{"sessions", "--demo", "--instance=dev-single"}, ""},
		{"help works all the same", map[string]string{"LOG_LEVEL": "wran"}, []string{"--help"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for variable, value := range tt.env {
				t.Setenv("DCS_SESSION_EXPORTER_"+variable, value)
			}
			err := run(t.Context(), tt.args, new(output), new(output))
			if (err == nil) != (tt.err == "") || (err != nil && (!strings.Contains(err.Error(), tt.err) || exitCode(err) != 2)) {
				t.Errorf("got %v, want %q", err, tt.err)
			}
		})
	}
}

// TestNearestWords checks that misspelt flags and commands get a hint.
func TestNearestWords(t *testing.T) {
	for arg, want := range map[string]string{
		"--demoo": "did you mean --demo?", "--web.config.fil=x": "did you mean --web.config.file?", "sesions": "did you mean sessions?", "--xyzzy": "(try --help)",
	} {
		if err := run(t.Context(), []string{arg}, new(output), new(output)); err == nil || !strings.Contains(err.Error(), want) || exitCode(err) != 2 {
			t.Errorf("%s: got %v, want %q", arg, err, want)
		}
	}
}

// TestHelpOrder checks that the help of a command shows its own flags first, and
// that the program's own help is complete.
func TestHelpOrder(t *testing.T) {
	var stdout output
	if err := run(t.Context(), []string{"sessions", "--help"}, &stdout, new(output)); err != nil {
		t.Fatal(err)
	}
	own, others := strings.Index(stdout.String(), "--instance="), strings.Index(stdout.String(), "--config.file=")
	if own < 0 || others < own {
		t.Errorf("--instance is at %d, --config.file at %d in\n%s", own, others, stdout.String())
	}
	for _, want := range []string{"Flags of sessions:", "Flags of all commands:", "id among them", "DCS_SESSION_EXPORTER_CONFIG_FILE"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in\n%s", want, stdout.String())
		}
	}
	stdout = output{}
	if err := run(t.Context(), []string{"--help"}, &stdout, new(output)); err != nil || !strings.Contains(stdout.String(), "\nFlags:\n") || !strings.Contains(stdout.String(), "instances [<flags>]") {
		t.Errorf("%v\n%s", err, stdout.String())
	}
}

// printed returns what the program writes to the real standard output.
func printed(t *testing.T, args ...string) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stdout
	os.Stdout = w
	defer func() { os.Stdout = before }()
	text := make(chan string)
	go func() {
		all, _ := io.ReadAll(r)
		text <- string(all)
	}()
	err = run(t.Context(), args, w, new(output))
	w.Close()
	out := <-text
	if err != nil {
		t.Errorf("%v: %v", args, err)
	}
	return out
}

// TestCompletion checks what completion offers: commands, flags and values.
func TestCompletion(t *testing.T) {
	for _, tt := range []struct {
		words string
		want  []string
	}{
		{"se", []string{"serve", "sessions", "instances", "check"}},
		{"sessions --", []string{"--instance", "--node", "--sort", "--config.file"}},
		{"sessions --sort ", []string{"id", "omem"}},
		{"sessions --output ", []string{"table", "wide", "json", "csv"}},
		{"--log.level ", []string{"debug", "warn"}},
	} {
		got := strings.Fields(printed(t, append([]string{"--completion-bash"}, strings.Split(tt.words, " ")...)...))
		for _, word := range tt.want {
			if !slices.Contains(got, word) {
				t.Errorf("%q: no %s in %q", tt.words, word, got)
			}
		}
	}
}

// TestCompletionScripts checks that each shell accepts its script, where the
// shell is installed, and that the man page has all commands.
func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		script := printed(t, "--completion-script-"+shell)
		if !strings.Contains(script, "--completion-bash") || !strings.Contains(script, name) {
			t.Errorf("%s: got\n%s", shell, script)
		}
		program, err := exec.LookPath(shell)
		if err != nil {
			t.Logf("%s is not installed", shell)
			continue
		}
		file := filepath.Join(t.TempDir(), "script")
		if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), program, "-n", file).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", shell, err, out)
		}
	}
	man := printed(t, "--help-man")
	for _, want := range []string{".TH dcs_session_exporter 1", `\fBsessions`, `\fBinstances`, `\fBcheck`, "web.listen-address"} {
		if !strings.Contains(man, want) {
			t.Errorf("no %q in\n%s", want, man)
		}
	}
}
