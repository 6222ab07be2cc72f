package config_test

import (
	"slices"
	"strings"

	"github.com/stationmaster/stationmaster/core/config"
)

// columns are where "postconf -M" lines the fields of an entry up.
var columns = [config.NumColumns]int{0, 11, 17, 25, 33, 41, 49, 57}

// checkedFields are the names that postconf has for the fields it checks.
var checkedFields = [config.NumColumns]string{
	config.ColumnType: "type", config.ColumnPrivate: "private", config.ColumnUnprivileged: "unprivileged",
	config.ColumnChroot: "chroot", config.ColumnWakeup: "wakeup", config.ColumnLimit: "process_limit",
}

// printed prints our syntax tree of a master.cf as "postconf -M" prints its
// own. mainFault is the error on which postconf dies before.
func printed(text []byte, mainFault string) (output, error) {
	var o output
	tree := config.ParseMaster(configPath+"/master.cf", text)
	for i := range tree.Entries {
		e := &tree.Entries[i]
		whole := wholeText(text, e)
		if whole == "" || isSpace(whole[0]) {
			continue // skipped, with a warning
		}
		for _, f := range e.Fields {
			o.Braces = o.Braces || strings.IndexByte(f.Text, '{') >= 0
		}
		if fault := entryFault(e, whole); fault != "" {
			return output{Errors: []string{fault}, Status: 1, Braces: o.Braces}, nil
		}
		o.Lines = append(o.Lines, entryLine(e))
	}
	if mainFault != "" {
		return output{Errors: []string{mainFault}, Status: 1, Braces: o.Braces}, nil
	}
	return o, nil
}

// wholeText is the logical line of an entry, joined.
func wholeText(text []byte, e *config.MasterEntry) string {
	if len(e.Fields) == 0 {
		return ""
	}
	lines := strings.SplitAfter(string(text), "\n")[e.Line-1:]
	var joined strings.Builder
	for i, line := range lines {
		bare := strings.Trim(line, spaces)
		if i > 0 && line != "" && !isSpace(line[0]) && line[0] != '#' {
			break
		}
		if bare != "" && bare[0] != '#' {
			joined.WriteString(strings.TrimSuffix(line, "\n"))
		}
	}
	whole, _, _ := strings.Cut(joined.String(), "\x00")
	return whole
}

const spaces = " \t\n\v\f\r"

func isSpace(c byte) bool { return strings.IndexByte(spaces, c) >= 0 }

// entryFault is the line on which postconf, which is stricter than the
// master, dies of a bad field.
func entryFault(e *config.MasterEntry, whole string) string {
	if len(e.Fields) < config.NumColumns {
		return "fatal: file " + configPath + "/master.cf: line " + number(int(e.Line)) + ": bad field count"
	}
	for column, name := range checkedFields {
		f := e.Fields[column].Text
		ok := true
		switch column {
		case config.ColumnType:
			ok = slices.Contains([]string{"inet", "unix", "fifo", "pass", "unix-dgram"}, f)
		case config.ColumnPrivate, config.ColumnUnprivileged, config.ColumnChroot:
			ok = f == "y" || f == "n" || f == "-"
		case config.ColumnWakeup:
			f := strings.TrimSuffix(f, "?")
			ok = f == "-" || strings.Trim(f, "0123456789") == ""
		case config.ColumnLimit:
			ok = f == "-" || strings.Trim(f, "0123456789") == ""
		}
		if !ok {
			return "fatal: invalid " + name + " field \"" + f + "\" in \"" + whole + "\""
		}
	}
	return ""
}

// entryLine prints one entry: the fields in columns, then the arguments.
func entryLine(e *config.MasterEntry) string {
	var line strings.Builder
	for i, f := range e.Fields {
		if i > 0 {
			line.WriteByte(' ')
		}
		for line.Len() < columns[i] {
			line.WriteByte(' ')
		}
		line.WriteString(f.Text)
	}
	args := make([]string, len(e.Args))
	for i, f := range e.Args {
		args[i] = f.Text
	}
	inOptions, value := true, false
	for _, arg := range normalArguments(args) {
		plain := !strings.ContainsAny(arg, " \t\r\n")
		switch {
		case value:
			value = false
		case inOptions && (arg == "" || arg[0] != '-' || arg == "--"):
			inOptions, plain = false, true
		case inOptions:
			plain = true
			value = len(arg) == 1 || arg[1] == 'o'
		}
		if !plain {
			arg = "{" + arg + "}"
		}
		line.WriteString(" " + arg)
	}
	return line.String()
}

// normalArguments are the arguments as postconf keeps them: "-o" apart from
// its value and from other flags, "{ name = value }" as name=value, and no
// outer braces.
func normalArguments(args []string) (kept []string) {
	i := 0
	for ; i < len(args); i++ {
		arg := args[i]
		if arg[0] != '-' || arg == "--" {
			break
		}
		if arg == "-" {
			kept = append(kept, arg)
			if i++; i < len(args) {
				kept = append(kept, unbraced(args[i]))
			}
			continue
		}
		flags, value, option := strings.Cut(arg[1:], "o")
		if !option {
			kept = append(kept, arg)
			continue
		}
		if flags != "" {
			kept = append(kept, "-"+flags)
		}
		kept = append(kept, "-o")
		if value == "" {
			if i++; i == len(args) {
				break
			}
			value = args[i]
		}
		if value[0] == '{' {
			value = unbraced(value)
			name, rest, ok := strings.Cut(value, "=")
			name = strings.Trim(name, spaces)
			if ok && name != "" && !strings.ContainsAny(name, spaces) {
				value = name + "=" + strings.Trim(rest, spaces)
			}
		}
		kept = append(kept, value)
	}
	for ; i < len(args); i++ {
		kept = append(kept, unbraced(args[i]))
	}
	return kept
}

// unbraced removes outer braces; what follows the closing one is lost.
func unbraced(arg string) string {
	if arg[0] != '{' {
		return arg
	}
	depth, end := 0, len(arg)
	for i := range len(arg) {
		if arg[i] == '{' {
			depth++
		} else if arg[i] == '}' {
			if depth--; depth == 0 {
				end = i
				break
			}
		}
	}
	return strings.Trim(arg[1:end], spaces)
}
