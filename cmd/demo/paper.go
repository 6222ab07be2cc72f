package main

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// width is how many columns we use.
const width = 78

// paper is what the demo writes on: wrapped lines, and a little emphasis when
// a person looks at a terminal. An error of writing is remembered and ends the
// demo at the next wait.
type paper struct {
	to    io.Writer
	fancy bool
	step  int
	err   error
}

func newPaper(f *os.File) *paper {
	info, err := f.Stat()
	fancy := err == nil && info.Mode()&os.ModeCharDevice != 0 &&
		os.Getenv("TERM") != "" && os.Getenv("TERM") != "dumb" && os.Getenv("NO_COLOR") == ""
	return &paper{to: f, fancy: fancy}
}

const (
	bold  = "\x1b[1m"
	green = "\x1b[32m"
	dim   = "\x1b[2m"
	plain = "\x1b[0m"
)

// block writes a paragraph behind a label; later lines are indented as far.
func (p *paper) block(label, style, text string) {
	for i, line := range wrap(text, width-len(label)) {
		if i > 0 {
			label = strings.Repeat(" ", len(label))
		}
		if p.fancy && style != "" {
			p.raw(style + label + line + plain + "\n")
			continue
		}
		p.raw(label + line + "\n")
	}
}

func (p *paper) raw(text string) {
	if _, err := io.WriteString(p.to, text); err != nil && p.err == nil {
		p.err = fmt.Errorf("write what happens: %w", err)
	}
}

func (p *paper) title(text string) {
	p.block("", bold, text)
	p.raw("\n")
}

func (p *paper) setting(name, text string) { p.block(fmt.Sprintf("  %-12s", name), "", text) }

// heading begins the next step.
func (p *paper) heading(text string) {
	p.step++
	p.raw("\n")
	p.block(fmt.Sprintf("%d. ", p.step), bold, text)
}

// does says what the demo does, seen what it has checked, and logged what the
// daemon said.
func (p *paper) does(text string)   { p.block("     ", "", text) }
func (p *paper) seen(text string)   { p.block("  ok ", green, text) }
func (p *paper) logged(text string) { p.block("     log | ", dim, text) }
func (p *paper) end(text string)    { p.raw("\n"); p.block("", bold, text) }

// wrap cuts a text between words into lines of at most n bytes; a longer word
// has a line of its own.
func wrap(text string, n int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case len(line)+1+len(word) > n:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
