package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stationmaster/stationmaster/core/config"
)

// formatOptions are the options of fmt.
type formatOptions struct{ write, list, diff bool }

func (t *terminal) fmtCommand(where func(*host) (string, error)) *cobra.Command {
	var o formatOptions
	var check bool
	cmd := &cobra.Command{
		Use: "fmt [FILE...]", Short: "print master.cf with its columns aligned",
		Long: `fmt prints master.cf with its columns aligned. It changes only blanks: comments,
order, line numbers and everything with a meaning stay. Without FILE it reads
the master.cf of the configuration directory; - is standard input. With -w it
replaces the file, completely or not at all, and keeps owner, mode and, on
Linux, extended attributes; a symbolic link stays, and the file that it points
to is replaced.

Exit statuses: 0 success; 1 -l, --check or -d: a file is not formatted; 2 a file
cannot be used.`,
		RunE: func(_ *cobra.Command, files []string) error {
			o.list = o.list || check
			if o.write && (o.list || o.diff) {
				return errors.New("fmt -w cannot be combined with -l, --check or -d")
			}
			if len(files) == 0 {
				directory, err := where(new(host))
				if err != nil {
					return err
				}
				files = []string{config.MasterPath(directory)}
			}
			return t.formatFiles(files, o)
		},
	}
	cmd.Flags().BoolVarP(&o.write, "write", "w", false, "replace the file instead of printing it")
	cmd.Flags().BoolVarP(&o.list, "list", "l", false, "print only the names of files that are not formatted, and exit with status 1 if there are any")
	cmd.Flags().BoolVar(&check, "check", false, "same as -l")
	cmd.Flags().BoolVarP(&o.diff, "diff", "d", false, "print the differences, and exit with status 1 if there are any")
	return cmd
}

func (t *terminal) formatFiles(files []string, o formatOptions) error {
	disorder := false
	for _, name := range files {
		was, err := t.contents(name, o)
		if err != nil {
			return err
		}
		is := config.Layout(was)
		same := bytes.Equal(was, is)
		disorder = disorder || !same
		switch {
		case o.write && same, (o.list || o.diff) && same:
		case o.write:
			if err := replaceFile(name, was, is); err != nil {
				return fmt.Errorf("write %s: %w", name, err)
			}
		case o.list || o.diff:
			if o.list {
				fmt.Fprintln(t.out, name)
			}
			if o.diff {
				fmt.Fprint(t.out, difference(name, string(was), string(is)))
			}
		default:
			if _, err := t.out.Write(is); err != nil {
				return fmt.Errorf("write the output: %w", err)
			}
		}
	}
	if disorder && (o.list || o.diff) {
		return exitStatus(exitFound)
	}
	return nil
}

// contents reads a file, or standard input for the name "-".
func (t *terminal) contents(name string, o formatOptions) ([]byte, error) {
	if name != "-" {
		text, err := readFile(name)
		if err != nil {
			return nil, fmt.Errorf("%w%s", err, remedy(err))
		}
		return text, nil
	}
	if o.write {
		return nil, errors.New("fmt -w cannot replace standard input; omit -w")
	}
	text, err := io.ReadAll(io.LimitReader(t.in, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("more than %d MB", maxFile>>20)
	}
	if err != nil {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	return text, nil
}

// contextLines is the number of lines shown around a difference.
const contextLines = 3

// difference returns the output of "diff -u". Layout does not move lines, so they
// are compared one by one; only the end of the last one may be added.
func difference(name, was, is string) string {
	a, b := strings.SplitAfter(was, "\n"), strings.SplitAfter(is, "\n")
	a, b = withoutEmptyEnd(a), withoutEmptyEnd(b)
	var out strings.Builder
	fmt.Fprintf(&out, "--- %s\n+++ %s\n", name, name)
	for from := 0; from < len(a); {
		if a[from] == b[from] {
			from++
			continue
		}
		start, end, same := max(from-contextLines, 0), from, 0
		for end < len(a) && same <= 2*contextLines {
			if same++; a[end] != b[end] {
				same = 0
			}
			end++
		}
		end -= max(same-contextLines, 0)
		fmt.Fprintf(&out, "@@ -%d,%d +%d,%d @@\n", start+1, end-start, start+1, end-start)
		for i := start; i < end; {
			if a[i] == b[i] {
				diffLine(&out, ' ', a[i])
				i++
				continue
			}
			stop := i
			for stop < end && a[stop] != b[stop] {
				diffLine(&out, '-', a[stop])
				stop++
			}
			for ; i < stop; i++ {
				diffLine(&out, '+', b[i])
			}
		}
		from = end
	}
	return out.String()
}

func withoutEmptyEnd(lines []string) []string {
	if n := len(lines); lines[n-1] == "" {
		return lines[:n-1]
	}
	return lines
}

func diffLine(out *strings.Builder, mark byte, line string) {
	out.WriteByte(mark)
	out.WriteString(line)
	if !strings.HasSuffix(line, "\n") {
		out.WriteString("\n\\ No newline at end of file\n")
	}
}
