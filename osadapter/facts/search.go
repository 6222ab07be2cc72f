package facts

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stationmaster/stationmaster/core/config"
)

// search looks up what one file needs. It reads each table of the system once and
// shares one time limit among all runs of getent.
type search struct {
	loader   *Loader
	runner   Runner
	limit    time.Duration
	deadline time.Time
	tables   map[string][][]string
}

func (l *Loader) search() *search {
	s := &search{loader: l, runner: l.Runner, limit: l.LookupLimit, tables: make(map[string][][]string)}
	if s.runner == nil {
		s.runner = Plain{}
	}
	if s.limit <= 0 {
		s.limit = DefaultLookupLimit
	}
	total := l.TotalLimit
	if total <= 0 {
		total = DefaultTotalLimit
	}
	s.deadline = time.Now().Add(total)
	return s
}

// answer looks up everything that is needed, in the order of the lists, and stores
// the answers in the facts, found or not.
func (s *search) answer(f *config.Facts, n *config.Needs) {
	for _, name := range n.Users {
		f.Users[name] = s.user(name)
	}
	for _, name := range n.Groups {
		f.Groups[name] = s.group(name)
	}
	for _, uid := range n.UserIDs {
		f.UserNames[uid] = s.nameOf("passwd", s.loader.file(s.loader.passwd, "/etc/passwd"), uid)
	}
	for _, gid := range n.GroupIDs {
		f.GroupNames[gid] = s.nameOf("group", s.loader.file(s.loader.group, "/etc/group"), gid)
	}
	for _, name := range n.Hosts {
		f.Hosts[name] = s.host(name)
	}
	for _, name := range n.Ports {
		f.Ports[name] = s.port(name)
	}
	for _, path := range n.FirstLines {
		f.FirstLines[path] = s.loader.firstLine(path)
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
func (s *search) table(path string, colons bool) [][]string {
	if rows, ok := s.tables[path]; ok || s.loader.Offline {
		return rows
	}
	text, _, _ := readOnce(path, maxFileSize)
	rows := parseTable(string(text), colons)
	s.tables[path] = rows
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
func (s *search) unknown(path string, colons bool) bool {
	return s.loader.elsewhere() && len(s.table(path, colons)) == 0
}

// ask runs getent for one key and returns its rows. trouble is the reason why there
// is no answer; an unknown key is none.
func (s *search) ask(database, key string, colons bool) (rows [][]string, trouble string) {
	if strings.IndexByte(key, 0) >= 0 || s.loader.elsewhere() {
		return nil, ""
	}
	left := min(s.limit, time.Until(s.deadline))
	if left <= 0 {
		return nil, "the look-ups took too long, so " + key + " was not looked up"
	}
	const notFound = 2
	out, exit, err := s.runner.Run([]string{pathOr(s.loader.getent, "/usr/bin/getent"), database, "--", key}, left)
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

// account returns the row of passwd or group with the name: name, password, number.
func (s *search) account(database, path, name string) (row []string, trouble string) {
	if name == "" || strings.IndexByte(name, ':') >= 0 {
		return nil, ""
	}
	named := func(r []string) bool { return r[0] == name && len(r) >= 3 }
	if rows := s.table(path, true); slices.ContainsFunc(rows, named) {
		return rows[slices.IndexFunc(rows, named)], ""
	}
	rows, trouble := s.ask(database, name, true)
	if i := slices.IndexFunc(rows, named); i >= 0 { // getent passwd 0 is not a user "0"
		return rows[i], trouble
	}
	return nil, trouble
}

func (s *search) user(name string) config.User {
	u, known := s.findUser(name)
	if !known {
		return s.loader.assumeUser(name)
	}
	return u
}

// findUser looks a user up. known is false if there is no table of users.
func (s *search) findUser(name string) (u config.User, known bool) {
	path := s.loader.file(s.loader.passwd, "/etc/passwd")
	row, trouble := s.account("passwd", path, name)
	if len(row) < 4 {
		return config.User{Trouble: trouble}, !s.unknown(path, true)
	}
	uid, uidOK := identifier(row[2])
	gid, gidOK := identifier(row[3])
	return config.User{Found: uidOK && gidOK, UID: uid, GID: gid}, true
}

func (s *search) group(name string) config.Group {
	g, known := s.findGroup(name)
	if !known {
		return s.loader.assumeGroup(name)
	}
	return g
}

// findGroup looks a group up, like findUser.
func (s *search) findGroup(name string) (g config.Group, known bool) {
	path := s.loader.file(s.loader.group, "/etc/group")
	row, trouble := s.account("group", path, name)
	if len(row) < 3 {
		return config.Group{Trouble: trouble}, !s.unknown(path, true)
	}
	gid, ok := identifier(row[2])
	return config.Group{Found: ok, GID: gid}, true
}

func identifier(text string) (uint32, bool) {
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), err == nil
}

// nameOf returns the first name with a number in passwd or group.
func (s *search) nameOf(database, path string, number uint32) string {
	text := strconv.FormatUint(uint64(number), 10)
	numbered := func(r []string) bool {
		if len(r) < 3 || r[0] == "" {
			return false
		}
		n, ok := identifier(r[2])
		return ok && n == number
	}
	rows := s.table(path, true)
	i := slices.IndexFunc(rows, numbered)
	if i < 0 {
		rows, _ = s.ask(database, text, true)
		i = slices.IndexFunc(rows, numbered)
	}
	if i < 0 {
		return ""
	}
	return rows[i][0]
}

// host returns the addresses of a host: those of all lines of the hosts file that
// name it, otherwise those of getent.
func (s *search) host(name string) (h config.Host) {
	add := func(text string) {
		if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
			h.Addresses = append(h.Addresses, a)
		}
	}
	for _, row := range s.table(s.loader.file(s.loader.hosts, "/etc/hosts"), false) {
		if slices.ContainsFunc(row[1:], func(n string) bool { return strings.EqualFold(n, name) }) {
			add(row[0])
		}
	}
	if len(h.Addresses) > 0 {
		return h
	}
	if s.loader.elsewhere() { // its resolver knows more than its hosts file
		return s.loader.assumeHost(name)
	}
	rows, trouble := s.ask("ahosts", name, false)
	for _, row := range rows {
		if i := len(h.Addresses); i == 0 || h.Addresses[i-1].String() != row[0] { // getent prints one row for each kind of socket
			add(row[0])
		}
	}
	h.Trouble = trouble
	return h
}

// port returns the number of a TCP service by name or alias.
func (s *search) port(name string) config.Port {
	path := s.loader.file(s.loader.services, "/etc/services")
	for _, row := range s.table(path, false) {
		if p, ok := tcpPort(row, name); ok {
			return p
		}
	}
	if strings.IndexByte(name, '/') >= 0 {
		return config.Port{}
	}
	if s.unknown(path, false) {
		return s.loader.assumePort(name)
	}
	rows, trouble := s.ask("services", name+"/tcp", false)
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
