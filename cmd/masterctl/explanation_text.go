package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/stationmaster/stationmaster/core/config"
)

// quote quotes an argument for a shell.
func quote(arg string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%_+=:,./-"
	if arg != "" && strings.Trim(arg, plain) == "" {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}

// shortly returns a short form of an origin.
func shortly(o config.Origin) string {
	at := ""
	if o.File != "" {
		at = path.Base(o.File) + ":" + strconv.Itoa(int(o.At.Line)) + ":" + strconv.Itoa(int(o.At.Column))
	}
	switch o.Kind {
	case config.OriginParameter:
		return at + " " + o.Name
	case config.OriginDefault:
		if at != "" {
			return "- in " + at
		}
		return "default of " + o.Name
	case config.OriginSystem:
		return o.Name
	}
	return at
}

func places(list []config.Origin) string {
	texts := make([]string, len(list))
	for i, o := range list {
		texts[i] = shortly(o)
	}
	return strings.Join(texts, ", ")
}

const (
	labelWidth = 16
	valueWidth = 40
)

// printExplanation prints the properties of a service as a table.
func (t *terminal) printExplanation(c *configuration, x *explanation) {
	title := t.paint(bold, printable(x.name()+"/"+x.kind()))
	fmt.Fprintf(t.out, "%s  %s:%d\n", title, printable(x.file), x.Line)
	for _, v := range x.values {
		if v.label == "" {
			continue
		}
		from := printable(places(v.from))
		for i, text := range v.shown {
			label := v.label
			if i > 0 {
				label = ""
			}
			if i > 0 || utf8.RuneCountInString(text) > valueWidth {
				t.row(label, text, "")
				continue
			}
			t.row(label, text, from)
			from = ""
		}
		if from != "" {
			t.row("", "", from)
		}
	}
	for line := x.Line; line <= x.End.Line; line++ {
		for _, d := range c.about(x.file, line) {
			t.printDiagnostic(c, d)
		}
	}
}

func (t *terminal) row(label, text, from string) {
	line := fmt.Sprintf("  %-*s %-*s  %s", labelWidth, label, valueWidth, printable(text), from)
	fmt.Fprintln(t.out, strings.TrimRight(line, " "))
}

// object is a JSON object that keeps the order of its members.
type object []member

type member struct {
	key   string
	value any
}

// MarshalJSON implements json.Marshaler.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		for _, part := range []struct {
			value any
			end   string
		}{{m.key, ":"}, {m.value, ""}} {
			encoder := json.NewEncoder(&b)
			encoder.SetEscapeHTML(false)
			if err := encoder.Encode(part.value); err != nil {
				return nil, err
			}
			b.Truncate(b.Len() - 1) // the line feed
			b.WriteString(part.end)
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// origin is where a value comes from, as JSON.
type origin struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Text   string `json:"text"`
	File   string `json:"file,omitempty"`
	Line   int32  `json:"line,omitempty"`
	Column int32  `json:"column,omitempty"`
}

var kinds = map[config.OriginKind]string{
	config.OriginColumn: "column", config.OriginArgument: "argument", config.OriginParameter: "parameter",
	config.OriginDefault: "default", config.OriginSystem: "system",
}

// object returns the explanation as JSON: each value with its origins.
func (x *explanation) object() object {
	o := object{{"service", x.name()}, {"type", x.kind()}, {"file", x.file}, {"line", x.Line}}
	overrides := []any{}
	for _, v := range x.values {
		from := []origin{}
		for _, f := range v.from {
			from = append(from, origin{kinds[f.Kind], f.Name, f.Text, f.File, f.At.Line, f.At.Column})
		}
		pair := object{{"value", v.value}, {"from", from}}
		if v.key == "override" {
			overrides = append(overrides, pair)
			continue
		}
		o = append(o, member{v.key, pair})
	}
	if x.service != nil {
		o = append(o, member{"overrides", overrides})
	}
	return o
}
