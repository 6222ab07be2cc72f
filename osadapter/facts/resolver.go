package facts

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stationmaster/stationmaster/core/config"
)

// resolver looks up what one file needs. It reads each table of the system once and
// shares one time limit among all runs of getent.
type resolver struct {
	loader   *Loader
	runner   Runner
	limit    time.Duration
	deadline time.Time
	tables   map[string][][]string
}

func (l *Loader) resolver() *resolver {
	r := &resolver{loader: l, runner: l.Runner, limit: l.LookupLimit, tables: make(map[string][][]string)}
	if r.runner == nil {
		r.runner = Plain{}
	}
	if r.limit <= 0 {
		r.limit = DefaultLookupLimit
	}
	total := l.TotalLimit
	if total <= 0 {
		total = DefaultTotalLimit
	}
	r.deadline = time.Now().Add(total)
	return r
}

// answer looks up everything that is needed, in the order of the lists, and stores
// the answers in the facts, found or not.
func (r *resolver) answer(f *config.Facts, n *config.Needs) {
	for _, name := range n.Users {
		f.Users[name] = r.user(name)
	}
	for _, name := range n.Groups {
		f.Groups[name] = r.group(name)
	}
	for _, uid := range n.UserIDs {
		f.UserNames[uid] = r.nameOf("passwd", uid)
	}
	for _, gid := range n.GroupIDs {
		f.GroupNames[gid] = r.nameOf("group", gid)
	}
	for _, name := range n.Hosts {
		f.Hosts[name] = r.host(name)
	}
	for _, name := range n.Ports {
		f.Ports[name] = r.port(name)
	}
	for _, path := range n.FirstLines {
		f.FirstLines[path] = r.loader.firstLine(path)
	}
}

// file returns the path of the table whose standard path is given, or of its
// substitute.
func (l *Loader) file(path, standard string) string {
	if path != "" {
		return path
	}
	return l.inRoot(standard)
}

func pathOr(path, standard string) string {
	if path != "" {
		return path
	}
	return standard
}

// table reads a file of lines with fields between colons, or between blanks with
// comments. A file that cannot be read is empty: getent may know more.
func (r *resolver) table(path string, colons bool) [][]string {
	if rows, ok := r.tables[path]; ok || r.loader.Offline {
		return rows
	}
	text, _, _ := readOnce(path, maxFileSize)
	rows := parseTable(string(text), colons)
	r.tables[path] = rows
	return rows
}

func parseTable(text string, colons bool) (rows [][]string) {
	for line := range strings.Lines(text) {
		if colons {
			line = strings.TrimSuffix(line, "\n")
			rows = append(rows, strings.Split(line, ":"))
			continue
		}
		line, _, _ = strings.Cut(line, "#")
		if fields := strings.Fields(line); len(fields) > 0 {
			rows = append(rows, fields)
		}
	}
	return rows
}

// unknown reports whether a table of another host is missing.
func (r *resolver) unknown(path string, colons bool) bool {
	return r.loader.elsewhere() && len(r.table(path, colons)) == 0
}

// getent runs getent(1) for one key and returns its rows. trouble is the reason why there
// is no answer; an unknown key is none.
func (r *resolver) getent(database, key string, colons bool) (rows [][]string, trouble string) {
	if strings.IndexByte(key, 0) >= 0 || r.loader.elsewhere() {
		return nil, ""
	}
	left := min(r.limit, time.Until(r.deadline))
	if left <= 0 {
		return nil, "the look-ups took too long, so " + key + " was not looked up"
	}
	const notFound = 2
	out, exit, err := r.runner.Run([]string{pathOr(r.loader.getent, "/usr/bin/getent"), database, "--", key}, left)
	switch {
	case err != nil:
		return nil, "the look-up of " + key + " with getent failed (" + err.Error() + ")"
	case exit == notFound:
		return nil, ""
	case exit != 0:
		return nil, "the look-up of " + key + " with getent failed (exit status " + strconv.Itoa(exit) + ")"
	}
	return parseTable(string(out), colons), ""
}

// accounts returns the path of the table of the database, passwd or group.
func (r *resolver) accounts(database string) string {
	if database == "passwd" {
		return r.loader.file(r.loader.passwd, "/etc/passwd")
	}
	return r.loader.file(r.loader.group, "/etc/group")
}

// account returns the row of passwd or group with the name, if it has enough
// columns: name, password, number. known is false if there is no table to look in.
func (r *resolver) account(database, name string, columns int) (row []string, trouble string, known bool) {
	path := r.accounts(database)
	named := func(row []string) bool { return row[0] == name && len(row) >= 3 }
	if name != "" && strings.IndexByte(name, ':') < 0 {
		rows := r.table(path, true)
		i := slices.IndexFunc(rows, named)
		if i < 0 {
			rows, trouble = r.getent(database, name, true)
			i = slices.IndexFunc(rows, named) // getent passwd 0 is not a user "0"
		}
		if i >= 0 && len(rows[i]) >= columns {
			return rows[i], trouble, true
		}
	}
	return nil, trouble, !r.unknown(path, true)
}

// findUser looks a user up. known is false if there is no table of users.
func (r *resolver) findUser(name string) (u config.User, known bool) {
	row, trouble, known := r.account("passwd", name, 4)
	if row == nil {
		return config.User{Trouble: trouble}, known
	}
	uid, uidOK := identifier(row[2])
	gid, gidOK := identifier(row[3])
	return config.User{Found: uidOK && gidOK, UID: uid, GID: gid}, true
}

// findGroup looks a group up, like findUser.
func (r *resolver) findGroup(name string) (g config.Group, known bool) {
	row, trouble, known := r.account("group", name, 3)
	if row == nil {
		return config.Group{Trouble: trouble}, known
	}
	gid, ok := identifier(row[2])
	return config.Group{Found: ok, GID: gid}, true
}

func (r *resolver) user(name string) config.User {
	u, known := r.findUser(name)
	if !known {
		return r.loader.assumeUser(name)
	}
	return u
}

func (r *resolver) group(name string) config.Group {
	g, known := r.findGroup(name)
	if !known {
		return r.loader.assumeGroup(name)
	}
	return g
}

func identifier(text string) (uint32, bool) {
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), err == nil
}

// nameOf returns the first name with a number in passwd or group.
func (r *resolver) nameOf(database string, number uint32) string {
	path := r.accounts(database)
	text := strconv.FormatUint(uint64(number), 10)
	numbered := func(row []string) bool {
		if len(row) < 3 || row[0] == "" {
			return false
		}
		n, ok := identifier(row[2])
		return ok && n == number
	}
	rows := r.table(path, true)
	i := slices.IndexFunc(rows, numbered)
	if i < 0 {
		rows, _ = r.getent(database, text, true)
		i = slices.IndexFunc(rows, numbered)
	}
	if i < 0 {
		return ""
	}
	return rows[i][0]
}

// host returns the addresses of a host: those of all lines of the hosts file that
// name it, otherwise those of getent.
func (r *resolver) host(name string) (h config.Host) {
	add := func(text string) {
		if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
			h.Addresses = append(h.Addresses, a)
		}
	}
	for _, row := range r.table(r.loader.file(r.loader.hosts, "/etc/hosts"), false) {
		if slices.ContainsFunc(row[1:], func(n string) bool { return strings.EqualFold(n, name) }) {
			add(row[0])
		}
	}
	if len(h.Addresses) > 0 {
		return h
	}
	if r.loader.elsewhere() { // its resolver knows more than its hosts file
		return r.loader.assumeHost(name)
	}
	rows, trouble := r.getent("ahosts", name, false)
	for _, row := range rows {
		if i := len(h.Addresses); i == 0 || h.Addresses[i-1].String() != row[0] { // getent prints one row for each kind of socket
			add(row[0])
		}
	}
	h.Trouble = trouble
	return h
}

// port returns the number of a TCP service by name or alias.
func (r *resolver) port(name string) config.Port {
	path := r.loader.file(r.loader.services, "/etc/services")
	for _, row := range r.table(path, false) {
		if p, ok := tcpPort(row, name); ok {
			return p
		}
	}
	if strings.IndexByte(name, '/') >= 0 {
		return config.Port{}
	}
	if r.unknown(path, false) {
		return r.loader.assumePort(name)
	}
	rows, trouble := r.getent("services", name+"/tcp", false)
	for _, row := range rows {
		if p, ok := tcpPort(row, name); ok {
			return p
		}
	}
	return config.Port{Trouble: trouble}
}

// tcpPort parses "name number/tcp alias...".
func tcpPort(row []string, name string) (config.Port, bool) {
	if len(row) < 2 || row[0] != name && !slices.Contains(row[2:], name) {
		return config.Port{}, false
	}
	text, protocol, _ := strings.Cut(row[1], "/")
	n, err := strconv.ParseUint(text, 10, 16)
	return config.Port{Found: true, Number: uint16(n)}, err == nil && protocol == "tcp"
}
