package chart

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// Files returns the files that follow from others of the repository at root,
// by path from root: those that are copied into the chart, its README and the
// kustomize base.
func Files(root string) (map[string][]byte, error) {
	files := make(map[string][]byte)
	for pattern, folder := range map[string]string{
		"monitoring/rules/*.yml":       "files/rules",
		"monitoring/dashboards/*.json": "files/dashboards",
	} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return nil, err
		}
		if len(paths) == 0 {
			return nil, fmt.Errorf("there is no %s", pattern)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			files[filepath.Join(Dir, folder, filepath.Base(path))] = text
		}
	}
	readme, err := chartReadme(root)
	if err != nil {
		return nil, err
	}
	files[filepath.Join(Dir, "README.md")] = readme
	return files, nil
}

// Outdated returns the paths of files of the repository at root that are not
// as they should be: those that differ, are missing, or should not be there.
func Outdated(root string, want map[string][]byte) ([]string, error) {
	var outdated []string
	for path, text := range want {
		got, err := os.ReadFile(filepath.Join(root, path))
		if err != nil && !os.IsNotExist(err) {
			return nil, err
		}
		if err != nil || !bytes.Equal(got, text) {
			outdated = append(outdated, path)
		}
	}
	for _, pattern := range []string{Dir + "/files/*/*.yml", Dir + "/files/*/*.json", KustomizeDir + "/*/*.yaml"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			relative, err := filepath.Rel(root, path)
			if err != nil {
				return nil, err
			}
			if _, ok := want[relative]; !ok && filepath.Base(path) != "kustomization.yaml" {
				outdated = append(outdated, relative)
			}
		}
	}
	return outdated, nil
}
