package recording

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// maxListed is how many texts of a field are listed.
const maxListed = 12

// Describe writes what a recording in a file has, what was kept and replaced, and
// how to look at it.
func Describe(w io.Writer, path string, size int64, r *Recording, s Summary) error {
	var b strings.Builder
	statuses := make(map[string]int)
	dropped := 0
	for _, x := range r.Exchanges {
		if x.Response == nil {
			statuses["no answer ("+x.Failure+")"]++
			continue
		}
		statuses[fmt.Sprint(x.Response.Status)]++
		if x.Response.Body == nil && x.Response.Length > 0 {
			dropped++
		}
	}
	fmt.Fprintf(&b, "%s: %d requests, %d KiB\n", path, len(r.Exchanges), (size+1023)>>10)
	fmt.Fprintf(&b, "\nSession lists:            %d nodes, %d that could not be read\n", r.Manifest.NodesRead, r.Manifest.NodesFailed)
	fmt.Fprintf(&b, "Answers by status:        %s\n", counted(statuses))
	fmt.Fprintf(&b, "Replaced, by kind:        %s\n", counted(s.Replaced))
	if dropped > 0 {
		fmt.Fprintf(&b, "Not JSON:                 %d answers, of which only the length is kept\n", dropped)
	}
	b.WriteString("\nKept are numbers, times, the names and order of fields, the words of error messages, and these texts:\n")
	for _, name := range slices.Sorted(maps.Keys(s.Kept)) {
		fmt.Fprintf(&b, "  %s: %s\n", name, listed(s.Kept[name]))
	}
	if len(s.Unknown) > 0 {
		fmt.Fprintf(&b, "\nFields that this program does not know. Their names are kept, their texts and numbers replaced:\n  %s\n", listed(s.Unknown))
	}
	fmt.Fprintf(&b, `
It is plain JSON. Look at it before you send it to anybody:
  tar -xzOf %s | less
Serve it, as the API would:
  dcs_emulator --replay=%s
`, path, path)
	_, err := io.WriteString(w, b.String())
	return err
}

// counted renders numbers by name.
func counted(numbers map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(numbers)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, numbers[name]))
	}
	return strings.Join(parts, ", ")
}

// listed renders the first texts of a list.
func listed(texts []string) string {
	if len(texts) <= maxListed {
		return strings.Join(texts, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(texts[:maxListed], ", "), len(texts)-maxListed)
}
