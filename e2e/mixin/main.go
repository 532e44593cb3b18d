// Mixin writes what is generated from monitoring/mixin: rules, dashboards and
// the rest, each where it belongs in the repository, or below another folder.
//
//	go -C e2e run ./mixin [--config mine.libsonnet] [--out folder]
//
// A configuration of one's own imports mixin.libsonnet and adds to _config.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"dcs_session_exporter/e2e/mixin/render"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "mixin:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("mixin", flag.ContinueOnError)
	root := flags.String("root", "..", "the repository")
	config := flags.String("config", "", "jsonnet file that evaluates to the mixin (default: monitoring/mixin/mixin.libsonnet as it is)")
	out := flags.String("out", "", "folder to write to (default: the repository)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	files, err := render.Files(*root, *config)
	if err != nil {
		return err
	}
	if *out == "" {
		*out = *root
	}
	for name, text := range files {
		path := filepath.Join(*out, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
