package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"dcs_session_exporter/internal/nearest"

	"github.com/alecthomas/kingpin/v2"
)

// usageTemplate is kingpin's, but shows a command's own flags before those that
// all commands have.
var usageTemplate = strings.Replace(kingpin.DefaultUsageTemplate, `{{if .Context.Flags -}}
Flags:
{{.Context.Flags|FlagsToTwoColumns|FormatTwoColumns}}
{{end -}}`, `{{if .Context.SelectedCommand -}}
{{if .Context.SelectedCommand.Flags -}}
Flags of {{.Context.SelectedCommand}}:
{{.Context.SelectedCommand.Flags|FlagsToTwoColumns|FormatTwoColumns}}
{{end -}}
Flags of all commands:
{{.App.Flags|FlagsToTwoColumns|FormatTwoColumns}}
{{else if .Context.Flags -}}
Flags:
{{.Context.Flags|FlagsToTwoColumns|FormatTwoColumns}}
{{end -}}`, 1)

// fishCompletionTemplate is a script that completes the command line in fish,
// with what kingpin offers to bash.
const fishCompletionTemplate = `function __{{.App.Name}}_complete
    set -l words (commandline -opc)
    set -l program $words[1]
    set -e words[1]
    $program --completion-bash $words (commandline -ct)
end
complete -c {{.App.Name}} -a '(__{{.App.Name}}_complete)'
`

// newApplication returns the application without the exporter's own flags and
// commands. Flags can be set in the environment too, except those that only
// print something.
//
// What kingpin prints by itself goes to out, and ended is called then.
func newApplication(out io.Writer, ended func()) *kingpin.Application {
	app := kingpin.New(name, "Prometheus exporter for the client sessions of Huawei Cloud DCS (managed Redis).")
	app.DefaultEnvars()
	app.UsageTemplate(usageTemplate)
	app.HelpFlag.Short('h')
	app.UsageWriter(out)
	app.Terminate(func(int) { ended() })
	app.Flag("completion-script-fish", "Generate completion script for fish.").Hidden().PreAction(func(c *kingpin.ParseContext) error {
		defer ended()
		return app.UsageForContextWithTemplate(c, 2, fishCompletionTemplate)
	}).Bool()
	for _, f := range app.Model().Flags {
		app.GetFlag(f.Name).NoEnvar()
	}
	return app
}

// checkEnvironment returns an error if the value of an environment variable is
// not one that its flag takes. Variables of flags that are set on the command
// line do not count.
func checkEnvironment(app *kingpin.Application, args []string) error {
	context, _ := app.ParseContext(args) // Parse reports errors
	if context == nil {
		return nil
	}
	given := make(map[string]bool)
	for _, element := range context.Elements {
		if flag, ok := element.Clause.(*kingpin.FlagClause); ok {
			given[flag.Model().Name] = true
		}
	}
	if given["help"] || given["version"] {
		return nil
	}
	flags := app.Model().Flags
	if context.SelectedCommand != nil {
		flags = append(flags, context.SelectedCommand.Model().Flags...)
	}
	for _, f := range flags {
		value := os.Getenv(f.Envar)
		cumulative, ok := f.Value.(interface{ IsCumulative() bool })
		if f.Envar == "" || value == "" || given[f.Name] || (ok && cumulative.IsCumulative()) {
			continue
		}
		if err := f.Value.Set(value); err != nil {
			if f.IsBoolFlag() {
				err = fmt.Errorf("invalid --%s %q: must be true or false", f.Name, value)
			}
			return fmt.Errorf("environment variable %s: %w", f.Envar, err)
		}
	}
	return nil
}

// inEnvironment reports whether an environment variable sets a flag.
func inEnvironment(app *kingpin.Application, flag string) bool {
	f := app.GetFlag(flag).Model()
	return f.Envar != "" && os.Getenv(f.Envar) != ""
}

var (
	unknownFlag    = regexp.MustCompile(`unknown long flag '--(.*)'`)
	unknownCommand = regexp.MustCompile(`unexpected (\S+)$`)
)

// hintAt adds to an error about an unknown flag or command the known one that is
// closest to it.
func hintAt(app *kingpin.Application, err error) error {
	var flags, commands []string
	add := func(all []*kingpin.FlagModel) {
		for _, f := range all {
			if !f.Hidden {
				flags = append(flags, f.Name)
			}
		}
	}
	model := app.Model()
	add(model.Flags)
	for _, c := range model.Commands {
		commands = append(commands, c.Name)
		add(c.Flags)
	}
	if m := unknownFlag.FindStringSubmatch(err.Error()); m != nil {
		if best := nearest.Word(m[1], flags); best != "" {
			return fmt.Errorf("%w; did you mean --%s? (try --help)", err, best)
		}
	}
	if m := unknownCommand.FindStringSubmatch(err.Error()); m != nil {
		if best := nearest.Word(m[1], commands); best != "" {
			return fmt.Errorf("%w; did you mean %s? (try --help)", err, best)
		}
	}
	return fmt.Errorf("%w (try --help)", err)
}
