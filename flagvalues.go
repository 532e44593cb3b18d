package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"dcs_session_exporter/internal/nearest"

	"github.com/alecthomas/kingpin/v2"
)

// kingpin's own values do not say in their errors which flag they belong to;
// those below do.

// addChoice adds a flag that takes one of several words.
func addChoice(flag *kingpin.FlagClause, target *string, words ...string) {
	flag.HintOptions(words...).SetValue(&choiceValue{target, flag.Model().Name, words})
}

// choiceValue is the value of a flag that takes one of several words.
type choiceValue struct {
	target *string
	flag   string
	words  []string
}

// Set implements kingpin.Value.
func (v *choiceValue) Set(s string) error {
	if !slices.Contains(v.words, s) {
		hint := ""
		if word := nearest.Word(s, v.words); word != "" {
			hint = "; did you mean " + word + "?"
		}
		return fmt.Errorf("invalid --%s %q: must be one of %s%s", v.flag, s, strings.Join(v.words, ", "), hint)
	}
	*v.target = s
	return nil
}

// String implements kingpin.Value.
func (v *choiceValue) String() string { return *v.target }

// addWhole adds a flag that takes a whole number.
func addWhole(flag *kingpin.FlagClause, target *int, least, most int) {
	flag.SetValue(&wholeValue{target, flag.Model().Name, least, most})
}

// wholeValue is the value of a flag that takes a whole number. kingpin's own
// accepts fractions and truncates them.
type wholeValue struct {
	target      *int
	flag        string
	least, most int
}

// Set implements kingpin.Value.
func (v *wholeValue) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil {
		return fmt.Errorf("invalid --%s %q: not a whole number, or too large", v.flag, s)
	}
	if n < v.least || n > v.most {
		return fmt.Errorf("invalid --%s %d: must be between %d and %d", v.flag, n, v.least, v.most)
	}
	*v.target = n
	return nil
}

// String implements kingpin.Value.
func (v *wholeValue) String() string { return strconv.Itoa(*v.target) }

// addTimeout adds a flag that takes the duration of a command.
func addTimeout(flag *kingpin.FlagClause, target *time.Duration) {
	flag.SetValue(&timeoutValue{target, flag.Model().Name})
}

// timeoutValue is the value of a flag that takes the duration of a command.
type timeoutValue struct {
	target *time.Duration
	flag   string
}

// Set implements kingpin.Value.
func (v *timeoutValue) Set(s string) error {
	d, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("invalid --%s %q: not a duration such as 30s or 2m", v.flag, s)
	}
	if d < time.Second || d > 10*time.Minute {
		return fmt.Errorf("invalid --%s %s: must be between 1s and 10m", v.flag, d)
	}
	*v.target = d
	return nil
}

// String implements kingpin.Value.
func (v *timeoutValue) String() string { return v.target.String() }
