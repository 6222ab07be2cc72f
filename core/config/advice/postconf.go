package advice

import (
	"slices"
	"strconv"
	"strings"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/config"
)

// PostconfFault is a reason for which postconf(1) refuses a master.cf that the
// master may well take. Every postfix(1) command runs postconf, so all of them
// fail.
type PostconfFault struct {
	Text   string // what postconf says, without the entry that it may show
	Column int    // NumColumns: the number of columns is wrong
	Field  string // the text of the column
	At     config.Position
}

// postconfNames are the names that postconf has for the columns it checks.
var postconfNames = [config.NumColumns]string{
	config.ColumnType: "type", config.ColumnPrivate: "private", config.ColumnUnprivileged: "unprivileged",
	config.ColumnChroot: "chroot", config.ColumnWakeup: "wakeup", config.ColumnLimit: "process_limit",
}

// PostconfFaults lists why postconf(1) refuses an entry. It ends at the first
// fault; the others are those that it would find next. After a wrong type
// nothing is listed, because the columns may be out of step.
func PostconfFaults(path string, e *config.MasterEntry) (list []PostconfFault) {
	if e.Ignored() {
		return nil
	}
	fields := e.BracedFields()
	if len(fields) < config.NumColumns {
		return []PostconfFault{{
			Text:   "file " + path + ": line " + strconv.Itoa(int(e.Line)) + ": bad field count",
			Column: config.NumColumns, At: e.End,
		}}
	}
	for column, name := range postconfNames {
		text := fields[column].Text
		if name == "" || postconfTakes(column, text) {
			continue
		}
		list = append(list, PostconfFault{
			Text: "invalid " + name + " field \"" + text + "\"", Column: column, Field: text, At: e.At(fields[column]),
		})
		if column == config.ColumnType {
			break
		}
	}
	return list
}

// postconfTakes reports whether postconf accepts the text of a column. It has
// no bounds for numbers.
func postconfTakes(column int, text string) bool {
	switch column {
	case config.ColumnType:
		_, known := core.ParseServiceType(text)
		return known
	case config.ColumnWakeup:
		text = strings.TrimSuffix(text, "?")
		return text == "" || text == "-" || allDigits(text)
	case config.ColumnLimit:
		return text == "-" || allDigits(text)
	}
	return text == "y" || text == "n" || text == "-"
}

// postconf reports the entries that the master takes and postconf does not.
// What config refuses in the same place is not reported again.
func (c *check) postconf() {
	for i := range c.in.Master.Entries {
		e := &c.in.Master.Entries[i]
		if e.Unindented() { // config reports the whole run
			continue
		}
		_, off := c.p.Disabled(e)
		for _, fault := range PostconfFaults(c.in.Master.Path, e) {
			if c.refused[fault.At] || fault.Column == config.NumColumns && c.refusedEntry(e) {
				continue
			}
			c.inMaster(PostfixRefuses, fault.At, "\"postfix start\", \"stop\", \"reload\" and \"status\" all end with \"postconf: fatal: "+
				fault.Text+"\""+although(e, &fault, off), postconfHint(e, &fault))
		}
	}
}

// refusedEntry reports whether config refuses something of an entry.
func (c *check) refusedEntry(e *config.MasterEntry) bool {
	i, _ := slices.BinarySearch(c.refusedLines, e.Line)
	return i < len(c.refusedLines) && c.refusedLines[i] <= e.End.Line
}

// braced reports whether a fault comes from braces, in which postconf keeps
// words together that the master takes for columns.
func braced(e *config.MasterEntry, fault *PostconfFault) bool {
	if fault.Column < config.NumColumns {
		return e.Fields[fault.Column].Text != fault.Field
	}
	return len(e.Fields) == config.NumColumns
}

// although says why the master itself does not mind.
func although(e *config.MasterEntry, fault *PostconfFault, off bool) string {
	switch {
	case off:
		return ", although the entry is switched off"
	case braced(e, fault):
		return ": it reads text in braces as one word in the columns too"
	case fault.Column == config.ColumnWakeup || fault.Column == config.ColumnLimit:
		digits, _ := leadingDigits(fault.Field)
		value, _ := cNumber(digits)
		return ", although the master takes it as " + decimal(value)
	}
	return ""
}

// units are the seconds of the units that other files know.
var units = map[string]int64{"s": 1, "m": 60, "h": 60 * 60, "d": 24 * 60 * 60, "w": 7 * 24 * 60 * 60}

// postconfHint returns what to write instead.
func postconfHint(e *config.MasterEntry, fault *PostconfFault) string {
	if braced(e, fault) {
		return "take the braces out of the columns"
	}
	switch fault.Column {
	case config.NumColumns:
		return "write eight columns: service type private unpriv chroot wakeup maxproc command; write - for a default"
	case config.ColumnType:
		return "use inet, unix, fifo, pass or unix-dgram, in lower case"
	case config.ColumnWakeup:
		if seconds, ok := inSeconds(fault.Field); ok {
			return "write " + seconds + ": the column holds seconds"
		}
		return "write a number of seconds, with ? after it if the service may be unused, or - for the default"
	case config.ColumnLimit:
		return "write a number alone, or - for the default"
	}
	return "write y, n or - for the default"
}

// inSeconds turns a wakeup time with a unit into seconds; the ? stays.
func inSeconds(text string) (seconds string, ok bool) {
	digits, rest := leadingDigits(text)
	unit, conditional := strings.CutSuffix(rest, "?")
	value, exact := cNumber(digits)
	factor := units[unit]
	if digits == "" || factor == 0 || !exact || value >= 1<<31/factor {
		return "", false
	}
	seconds = decimal(value * factor)
	if conditional {
		seconds += "?"
	}
	return seconds, true
}
