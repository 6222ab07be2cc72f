package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stationmaster/stationmaster/core"
)

func (t *terminal) checkCommand(where func(*host) (string, error)) *cobra.Command {
	var other host
	var strict, machine, ports bool
	cmd := &cobra.Command{
		Use: "check", Short: "report mistakes in main.cf and master.cf", Args: noArguments,
		Long: `check reads main.cf and master.cf as the master does and reports what is wrong:
what the master would log about the two files, in its words, and settings that
it accepts silently but that are certainly not intended. It needs neither a
running master nor root; what only root can see is not reported as an error. It
does not find what shows only at the start, such as a directory that the master
cannot write to, or a port in use (except with --ports, which asks the system).
With --root or --offline it checks the files of another host and ignores this
one.

Exit statuses: 0 no errors; 1 warnings, with --strict; 2 errors: the master
would not start, or would refuse the reload, or every postfix command would fail
before it reaches the master.`,
		RunE: func(*cobra.Command, []string) error {
			directory, err := where(&other)
			if err != nil {
				return err
			}
			c := load(other, directory)
			if ports {
				if c.listeners, err = c.listening(); err != nil {
					return err
				}
			}
			list := c.advised()
			if d, some := c.unknown(); some {
				list = append(list, d)
			}
			for i := range list {
				if machine {
					if err := t.printJSON(c.remark(&list[i])); err != nil {
						return err
					}
				} else {
					t.printDiagnostic(c, &list[i])
				}
			}
			errors, warnings := count(list, core.Error), count(list, core.Warning)
			if !machine {
				t.summary(c, errors, warnings, count(list, core.Info))
			}
			switch {
			case errors > 0:
				return exitStatus(exitError)
			case warnings > 0 && strict:
				return exitStatus(exitFound)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "exit with status 1 if there are warnings")
	cmd.Flags().BoolVar(&ports, "ports", false, "also check whether other programs listen on the addresses of the services")
	other.flags(cmd)
	cmd.Flags().BoolVar(&machine, "json", false, "print each finding as a JSON object on a line of its own")
	return cmd
}

// words are the names of severities.
var words = map[core.Severity]string{core.Info: "note", core.Warning: "warning", core.Error: "error"}

var colours = map[core.Severity]string{core.Info: blue, core.Warning: yellow, core.Error: red}

// remark is a diagnostic as JSON.
type remark struct {
	File     string `json:"file"`
	Line     int32  `json:"line,omitempty"`
	Column   int32  `json:"column,omitempty"`
	Severity string `json:"severity"`
	Text     string `json:"text"`
	Hint     string `json:"hint,omitempty"`
	Source   string `json:"source,omitempty"`
}

func (c *configuration) remark(d *core.Diagnostic) *remark {
	r := &remark{File: d.File, Line: d.Line, Column: d.Column, Severity: words[d.Severity], Text: shorten(d.Text), Hint: shorten(d.Hint)}
	if line, ok := c.sourceLine(d); ok && len(line) <= longestText {
		r.Source = line
	}
	return r
}

func (c *configuration) sourceLine(d *core.Diagnostic) (string, bool) {
	s, ok := c.texts[d.File]
	if !ok || d.Line < 1 {
		return "", false
	}
	line, ok := s.line(d.Line)
	c.texts[d.File] = s
	return line, ok
}

func (t *terminal) printJSON(value any) error {
	encoder := json.NewEncoder(t.out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("write the output: %w", err)
	}
	return nil
}

// longestText bounds the length of a text that is shown, in bytes.
const longestText = 1000

func shorten(text string) string {
	if len(text) > longestText {
		return strings.ToValidUTF8(text[:longestText], "?") + "..."
	}
	return text
}

// printDiagnostic prints a remark with the line that it is about.
func (t *terminal) printDiagnostic(c *configuration, d *core.Diagnostic) {
	where := printable(d.File)
	if d.Line > 0 {
		where += ":" + strconv.Itoa(int(d.Line))
		if d.Column > 0 {
			where += ":" + strconv.Itoa(int(d.Column))
		}
	}
	if where != "" {
		where = t.paint(bold, where+":") + " "
	}
	fmt.Fprintf(t.out, "%s%s %s\n", where, t.paint(colours[d.Severity], words[d.Severity]+":"), printable(shorten(d.Text)))
	if line, ok := c.sourceLine(d); ok {
		shown, before := excerpt(line, d.Column)
		number := fmt.Sprintf("%5d", d.Line)
		fmt.Fprintf(t.out, "%s | %s\n", number, shown)
		if d.Column > 0 {
			fmt.Fprintf(t.out, "%s | %s%s\n", strings.Repeat(" ", len(number)), strings.Repeat(" ", before), t.paint(green, "^"))
		}
	}
	if d.Hint != "" {
		fmt.Fprintf(t.out, "      = %s\n", printable(shorten(d.Hint)))
	}
}

// summary ends the list with a line that sums it up.
func (t *terminal) summary(c *configuration, errors, warnings, notes int) {
	text := printable(c.directory) + ": " + plural(errors, "error") + ", " + plural(warnings, "warning")
	if notes > 0 {
		text += ", " + plural(notes, "note")
	}
	colour := red
	switch {
	case errors > 0 && c.accepted:
		text += "; the master would accept this, but \"postfix start\" would fail first"
	case errors > 0:
		text += "; the master would not start, and would refuse a reload"
	case !c.accepted:
		colour = yellow
		text += "; not everything could be checked"
	default:
		colour = green
		if warnings > 0 {
			colour = yellow
		}
		text += "; " + plural(len(c.resolved.Services), "service")
	}
	fmt.Fprintln(t.out, t.paint(colour, text))
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}
