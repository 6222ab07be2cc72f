package config_test

import (
	"fmt"
	"slices"
	"strings"
)

// A rule is an intended difference. It names the row of docs/differences.md, or the
// reason that lies in the comparison itself.
type rule string

// The rules.
const (
	ruleWakeups   rule = "Q19, Q20: wakeups are sent without waiting, those of ports to an address of the service"
	ruleDuplicate rule = "Q36: of duplicate entries the last one's settings count, before anything is started"
	ruleAllFirst  rule = "D14: all of master.cf is read before the first socket is made"
	ruleMainFirst rule = "postconf dies of mistakes in main.cf in values that it was not asked for"
	ruleCrash     rule = "hostile: the original has no bound on comparisons inside comparisons and dies of a loop through them"
	ruleBudget    rule = "D13: a line of ours says that a process limit can never be reached with the descriptors that may be open"
	ruleNothing   rule = "D13: a line of ours says that no service is enabled"
)

// comparison collects the differences, and the rules that applied.
type comparison struct {
	differences []string
	rules       map[rule]int
}

func (c *comparison) differ(what string, original, ours any) {
	c.differences = append(c.differences, fmt.Sprintf("%s\n   original: %q\n       ours: %q", what, original, ours))
}

func (c *comparison) use(r rule) { c.rules[r]++ }

// compare returns the differences between the two sides of an answer.
func compare(a *answer, rules map[rule]int) []string {
	c := &comparison{rules: rules}
	for _, r := range []*run{&a.Original, &a.Ours, a.Before} {
		c.normalise(r)
	}
	c.runs(&a.Original, &a.Ours, a.OurEndpoints)
	if a.Before != nil {
		c.before(&a.Original, a.Before)
	}
	c.values(&a.Values, a.OurFaults)
	c.listing(&a.Listing, &a.OursListing, a.OurFaults)
	return c.differences
}

// normalise removes intended differences from a run.
func (c *comparison) normalise(r *run) {
	if r == nil {
		return
	}
	for prefix, why := range map[string]rule{
		"warning: master_wakeup_timer_event: ": ruleWakeups,
		"warning: host or service ":            ruleWakeups,
		"warning: inet_trigger: ":              ruleWakeups,
		"warning: unix_trigger: ":              ruleWakeups,
		"warning: fifo_trigger: ":              ruleWakeups,
		"warning: pass_trigger: ":              ruleWakeups,
		"warning: no service is enabled in ":   ruleNothing,
	} {
		r.Log = slices.DeleteFunc(r.Log, func(line string) bool {
			drop := strings.HasPrefix(line, prefix)
			if drop {
				c.use(why)
			}
			return drop
		})
	}
	r.Log = slices.DeleteFunc(r.Log, func(line string) bool {
		warned := strings.HasPrefix(line, "warning: service ") && strings.Contains(line, " processes although it")
		if warned {
			c.use(ruleBudget)
		}
		return warned
	})
}

// openingFailed reports whether a log ends with the failure to open a listener.
func openingFailed(log []string) bool {
	if len(log) == 0 {
		return false
	}
	return slices.ContainsFunc([]string{
		"fatal: bind", "fatal: unix-domain name too long: ", "fatal: unix_dgram_listen: ", "fatal: fifo_listen: ", "fatal: remove ", "fatal: socket: ", "fatal: chmod ",
	}, func(p string) bool { return strings.HasPrefix(log[len(log)-1], p) })
}

func (c *comparison) runs(original, ours *run, endpoints []string) {
	log, oursLog := original.Log, ours.Log
	opening := original.Outcome == "fatal" && openingFailed(log)
	if opening && ours.Outcome == "fatal" && !openingFailed(oursLog) && refusedLine(oursLog) > 0 {
		c.use(ruleAllFirst)
		return
	}
	if original.Outcome == "died" && ours.Outcome == "fatal" && oursLog[len(oursLog)-1] == "fatal: dictionary mail_dict: macro processing error" {
		c.use(ruleCrash)
		return
	}
	if original.Outcome != ours.Outcome {
		c.differ("outcome", original.Outcome, ours.Outcome)
	}
	if original.Status != ours.Status {
		c.differ("exit status", original.Status, ours.Status)
	}
	if opening {
		c.opening(original, ours, log, oursLog)
		return
	}
	if !slices.Equal(log, oursLog) {
		c.differ("log", log, oursLog)
	}
	if original.Outcome != "started" || ours.Outcome != "started" {
		return
	}
	if original.Tag != ours.Tag || original.Facility != ours.Facility {
		c.differ("tag and facility", fmt.Sprint(original.Tag, original.Facility), fmt.Sprint(ours.Tag, ours.Facility))
	}
	c.entries("services", original.Entries, ours.Entries)
	if !slices.Equal(original.Trying, endpoints) {
		c.differ("addresses in the order of the sockets", original.Trying, endpoints)
	}
	if !slices.Equal(original.Listeners, ours.Listeners) {
		c.differ("sockets that listen", original.Listeners, ours.Listeners)
	}
	if !slices.Equal(original.Files, ours.Files) {
		c.differ("files", original.Files, ours.Files)
	}
}

// opening compares what both did until a listener could not be opened. Ours has
// read all of master.cf by then.
func (c *comparison) opening(original, ours *run, log, oursLog []string) {
	c.use(ruleAllFirst)
	if len(oursLog) == 0 || log[len(log)-1] != oursLog[len(oursLog)-1] || !isSubsequence(log, oursLog) {
		c.differ("log until a listener could not be opened", log, oursLog)
	}
	if ours.Outcome != "fatal" || slices.ContainsFunc(oursLog, isDuplicate) {
		return
	}
	if n := len(original.Entries); n > len(ours.Entries) || !equalEntries(original.Entries, ours.Entries[:n]) {
		c.differ("services until a listener could not be opened", original.Entries, ours.Entries)
	}
}

func isDuplicate(line string) bool {
	return strings.HasPrefix(line, "warning: duplicate master.cf entry ")
}

func isSubsequence(part, whole []string) bool {
	for _, line := range part {
		i := slices.Index(whole, line)
		if i < 0 {
			return false
		}
		whole = whole[i+1:]
	}
	return true
}

func equalEntries(a, b [][]string) bool {
	return slices.EqualFunc(a, b, func(a, b []string) bool { return slices.Equal(a, b) })
}

// entries compares the dumped services.
func (c *comparison) entries(what string, original, ours [][]string) {
	last := lastEntries(original)
	if len(last) != len(original) {
		c.use(ruleDuplicate)
	}
	if equalEntries(last, ours) {
		return
	}
	if len(last) != len(ours) {
		c.differ(what, last, ours)
		return
	}
	for i := range last {
		if !slices.Equal(last[i], ours[i]) {
			c.differ(what, last[i], ours[i])
		}
	}
}

// lastEntries keeps the last dump of each service, at the position of the first.
func lastEntries(list [][]string) (kept [][]string) {
	key := func(entry []string) string {
		const name, transport = 1, 2
		if len(entry) <= transport {
			return ""
		}
		return entry[name] + "\n" + entry[transport]
	}
	for _, e := range list {
		if i := slices.IndexFunc(kept, func(k []string) bool { return key(k) == key(e) }); i >= 0 {
			kept[i] = e
			continue
		}
		kept = append(kept, e)
	}
	return kept
}

// before compares the services of the entries that precede a refused one.
func (c *comparison) before(original, ours *run) {
	if ours.Outcome == "started" {
		c.entries("services before the refused entry", original.Entries, ours.Entries)
		return
	}
	if n := len(ours.Log); n == 0 || !strings.HasPrefix(ours.Log[n-1], "fatal: maillog_file value ") {
		c.differ("outcome with the entries before the refused one", original.Log, ours.Log)
	}
}

// fold changes a value as postconf does.
func fold(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r < 0x80 && isSpace(byte(r)) }), " ")
}

// knownFault reports whether postconf failed because of a mistake in main.cf that
// we report too: its line, or the warning before it, is one of ours.
func knownFault(o *output, faults []string) bool {
	n := len(o.Errors)
	const loop = "postconf: warning: unreasonable macro call nesting: "
	if o.Status == -1 && slices.ContainsFunc(faults, func(f string) bool { return strings.HasPrefix(f, loop) }) {
		return true // ruleCrash
	}
	if o.Status != 1 || n == 0 {
		return false
	}
	last := sanitized(o.Errors[n-1])
	if last == "postconf: fatal: macro processing error" && n > 1 {
		last = sanitized(o.Errors[n-2])
	}
	return slices.Contains(faults, last)
}

func (c *comparison) values(v *valuesAnswer, faults []string) {
	names, ours := v.Names, v.Ours
	if len(names) > 0 && knownFault(&v.Original, faults) {
		c.use(ruleMainFirst)
		return
	}
	if len(names) > 0 && v.Original.Status != 0 {
		c.differ("values of "+strings.Join(names, " "), v.Original.Errors, ours)
		return
	}
	lines := v.Original.Lines
	for i, name := range names {
		if slices.Contains(v.Original.Errors, "postconf: warning: "+name+": unknown parameter") {
			continue
		}
		if len(lines) == 0 {
			c.differ("number of values of "+strings.Join(names, " "), v.Original.Lines, ours)
			return
		}
		if fold(lines[0]) != fold(ours[i]) {
			c.differ("value of "+name, lines[0], ours[i])
		}
		if fold(lines[0]) != fold(v.Catalog[i]) {
			c.differ("value of "+name+" in the catalog", lines[0], v.Catalog[i])
		}
		lines = lines[1:]
	}
	if len(lines) > 0 {
		c.differ("number of values of "+strings.Join(names, " "), v.Original.Lines, ours)
	}
	for i := range v.Refused {
		c.refused(&v.Refused[i], faults)
	}
}

// refused compares the errors about a value. postconf reads main.cf several times
// and may complain about other values, too.
func (c *comparison) refused(v *refusedValue, faults []string) {
	var want, got []string
	for _, line := range v.Ours {
		line = strings.Replace(line, "fatal: dictionary mail_dict: ", "fatal: ", 1)
		want = append(want, "postconf: "+sanitized(line))
	}
	for _, line := range v.Original.Errors {
		got = append(got, sanitized(line))
	}
	if v.Original.Status == 1 && isSubsequence(want, got) && want[len(want)-1] == got[len(got)-1] {
		return
	}
	if slices.Contains(got, "postconf: warning: "+v.Name+": unknown parameter") {
		return
	}
	if knownFault(&v.Original, faults) {
		c.use(ruleMainFirst)
		return
	}
	c.differ("complaint about "+v.Name, got, want)
}

// sanitized returns a text as the original logs it.
func sanitized(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c < ' ' || c >= 0x7f {
			b[i] = '?'
		}
	}
	return string(b)
}

func (c *comparison) listing(original, ours *output, faults []string) {
	last := func(o *output) string {
		if len(o.Errors) == 0 {
			return ""
		}
		return o.Errors[len(o.Errors)-1]
	}
	switch {
	case knownFault(original, faults):
		c.use(ruleMainFirst)
	case original.Status != ours.Status:
		c.differ("outcome of postconf -M", original, ours)
	case original.Status != 0 && last(original) != "postconf: "+sanitized(last(ours)):
		c.differ("complaint of postconf -M", last(original), last(ours))
	case original.Status == 0 && !slices.Equal(original.Lines, ours.Lines):
		c.differ("postconf -M", original.Lines, ours.Lines)
	}
}
