package known

import (
	"strings"

	"github.com/stationmaster/stationmaster/core/config"
)

// references are the names that a configuration refers to.
type references struct {
	names  map[string]bool // in macros, and as restriction classes
	tables map[string]byte // names of tables whose settings are parameters; the value is their kind
}

// refersTo reports whether main.cf or master.cf refers to a name.
func (c *Catalog) refersTo(name string) bool {
	if c.references == nil {
		c.references = c.readReferences()
	}
	return c.references.names[name] || c.references.setting(name)
}

// readReferences reads all values of main.cf except those whose macros have
// names of their own, and the options of the services.
func (c *Catalog) readReferences() *references {
	r := &references{names: make(map[string]bool), tables: make(map[string]byte)}
	for _, name := range c.p.GivenNames() {
		if text, _ := c.p.Given(name); !verbatim(name) && !readOnly(name) {
			r.read(text)
		}
	}
	if classes, _, err := c.Value(restrictionClasses); err == nil {
		r.classes(classes)
	}
	if c.master != nil {
		for i := range c.master.Entries {
			r.options(c, c.master.Entries[i].Args)
		}
	}
	return r
}

// restrictionClasses names parameters that the operator makes.
const restrictionClasses = "smtpd_restriction_classes"

// options reads what the arguments of an entry give its server: "-o
// name=value", or with blanks in braces, before the first other argument.
func (r *references) options(c *Catalog, args []config.Field) {
	for i := 0; i < len(args) && strings.HasPrefix(args[i].Text, "-"); i++ {
		option, ok := strings.CutPrefix(args[i].Text, "-o")
		if !ok {
			continue
		}
		if option == "" && i+1 < len(args) {
			i++
			option = args[i].Text
		}
		if inner, ok := strings.CutPrefix(option, "{"); ok {
			option = strings.TrimSuffix(inner, "}")
		}
		name, value, ok := strings.Cut(option, "=")
		if name = strings.TrimSpace(name); !ok || verbatim(name) {
			continue
		}
		r.read(value)
		if name == restrictionClasses {
			if text, err := c.p.ExpandWith(name, value, c.text); err == nil {
				r.classes(text)
			}
		}
	}
}

func (r *references) classes(list string) {
	for class := range strings.FieldsFuncSeq(list, func(c rune) bool { return strings.ContainsRune(" ,\t\r\n", c) }) {
		r.names[class] = true
	}
}

// read records what one value refers to.
func (r *references) read(value string) {
	for name := range macroNames(value) {
		r.names[name] = true
	}
	if strings.IndexByte(value, ':') < 0 {
		return
	}
	for token := range strings.FieldsFuncSeq(value, func(c rune) bool { return strings.ContainsRune(" ,\t\r\n{}", c) }) {
		for rest, ok := token, true; ok; {
			token = rest
			rest, ok = strings.CutPrefix(token, "proxy:")
		}
		kind, table, ok := strings.Cut(token, ":")
		if bit := tableKind(kind); ok && bit != 0 && !strings.HasPrefix(table, "/") {
			r.tables[table] |= bit
		}
	}
}

// macroNames yields the names that the macros of a text refer to, including
// branches that are not taken. It ignores mistakes in macros.
func macroNames(text string) func(yield func(name string) bool) {
	return func(yield func(name string) bool) {
		for i := 0; i < len(text); i++ {
			if text[i] != '$' {
				continue
			}
			if i++; i < len(text) && text[i] == '$' {
				continue
			}
			if i < len(text) && (text[i] == '{' || text[i] == '(') {
				for i++; i < len(text) && strings.IndexByte(" \t\r\n", text[i]) >= 0; i++ {
				}
			}
			start := i
			for i < len(text) && isNameByte(text[i]) {
				i++
			}
			if i > start && !yield(text[start:i]) {
				return
			}
			i-- // the byte that ended the name may begin a macro
		}
	}
}

func isNameByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// Kinds of tables whose settings may be in main.cf, as NAME_hosts and so on.
const (
	kindLDAP = 1 << iota
	kindMySQL
	kindPostgreSQL
	kindSQLite
	kindMemcache
)

func tableKind(name string) byte {
	switch name {
	case "ldap":
		return kindLDAP
	case "mysql":
		return kindMySQL
	case "pgsql":
		return kindPostgreSQL
	case "sqlite":
		return kindSQLite
	case "memcache":
		return kindMemcache
	}
	return 0
}

// tableSettings are the settings of tables and the kinds that have them.
var tableSettings = [...]struct {
	names string
	kinds byte
}{
	{"domain", kindLDAP | kindMySQL | kindPostgreSQL | kindSQLite | kindMemcache},
	{"expansion_limit result_format", kindLDAP | kindMySQL | kindPostgreSQL | kindSQLite},
	{"additional_conditions query select_field table where_field", kindMySQL | kindPostgreSQL | kindSQLite},
	{"dbname hosts password user", kindMySQL | kindPostgreSQL},
	{"option_file option_group require_result_set tls_CAfile tls_CApath tls_cert_file tls_ciphers tls_key_file tls_verify_cert", kindMySQL},
	{"select_function", kindPostgreSQL},
	{"dbpath", kindSQLite},
	{"timeout", kindLDAP | kindMemcache},
	{"bind bind_dn bind_pw cache cache_expiry cache_size chase_referrals debuglevel dereference leaf_result_attribute " +
		"query_filter recursion_limit result_attribute result_filter sasl_authz_id sasl_mechs sasl_minssf sasl_realm scope " +
		"search_base server_host server_port size_limit special_result_attribute start_tls terminal_result_attribute " +
		"tls_ca_cert_dir tls_ca_cert_file tls_cert tls_cipher_suite tls_key tls_random_file tls_require_cert version", kindLDAP},
	{"backup data_size_limit flags key_format line_size_limit max_try memcache ttl", kindMemcache},
}

// setting reports whether a name is the setting of a table that is in use.
func (r *references) setting(name string) bool {
	if len(r.tables) == 0 {
		return false
	}
	for i := range tableSettings {
		for setting := range strings.FieldsSeq(tableSettings[i].names) {
			if table, ok := strings.CutSuffix(name, "_"+setting); ok && r.tables[table]&tableSettings[i].kinds != 0 {
				return true
			}
		}
	}
	return false
}
