package config_test

import (
	"strings"

	"github.com/stationmaster/stationmaster/core/config"
	"github.com/stationmaster/stationmaster/core/config/advice"
)

// columns are the columns in which "postconf -M" aligns the fields of an entry.
var columns = [config.NumColumns]int{0, 11, 17, 25, 33, 41, 49, 57}

// printed formats our syntax tree of a master.cf as "postconf -M" does. mainFault
// is an error that ends postconf before.
func printed(text []byte, mainFault string) (output, error) {
	var o output
	path := configPath + "/master.cf"
	tree := config.ParseMaster(path, text)
	for i := range tree.Entries {
		e := &tree.Entries[i]
		if e.Ignored() {
			continue
		}
		if faults := advice.PostconfFaults(path, e); len(faults) > 0 {
			fault := "fatal: " + faults[0].Text
			if faults[0].Column < config.NumColumns {
				fault += " in \"" + e.Text() + "\""
			}
			return output{Errors: []string{fault}, Status: 1}, nil
		}
		o.Lines = append(o.Lines, entryLine(e))
	}
	if mainFault != "" {
		return output{Errors: []string{mainFault}, Status: 1}, nil
	}
	return o, nil
}

const spaces = " \t\n\v\f\r"

func isSpace(c byte) bool { return strings.IndexByte(spaces, c) >= 0 }

// entryLine formats one entry: the fields in columns, then the arguments.
func entryLine(e *config.MasterEntry) string {
	var line strings.Builder
	fields := e.BracedFields()
	for i, f := range fields[:config.NumColumns] {
		if i > 0 {
			line.WriteByte(' ')
		}
		for line.Len() < columns[i] {
			line.WriteByte(' ')
		}
		line.WriteString(f.Text)
	}
	args := make([]string, len(fields)-config.NumColumns)
	for i, f := range fields[config.NumColumns:] {
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

// normalArguments returns the arguments as postconf keeps them: "-o" separate from
// its value and from other flags, "{ name = value }" as name=value, and no outer
// braces.
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
