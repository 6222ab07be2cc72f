package known

import (
	"strings"

	"github.com/stationmaster/stationmaster/core/config"
)

// A delivery agent has parameters whose names begin with that of its service.
// Only the command of the entry in master.cf, as written, identifies them: the
// type of the service does not count, nor whether it is switched off, and a
// command with a path does not match.

// Roles of a service that give it parameters.
const (
	roleTransport = 1 << iota // the queue manager schedules deliveries to it
	roleCommand               // it runs a command under a time limit
)

// roleOf returns the roles of the command of an entry.
func roleOf(command string) uint8 {
	switch command {
	case "error", "lmtp", "local", "smtp", "virtual":
		return roleTransport
	case "pipe":
		return roleTransport | roleCommand
	case "spawn":
		return roleCommand
	}
	return 0
}

// suffix is the end of the name of a parameter that each service with a role
// has.
type suffix struct {
	text  string
	role  uint8
	value string // the default; empty: that of all services, whose name begins with "default"
}

// suffixes are sorted; so one that ends in another comes before it.
var suffixes = [...]suffix{
	{text: "_delivery_slot_cost", role: roleTransport},
	{text: "_delivery_slot_discount", role: roleTransport},
	{text: "_delivery_slot_loan", role: roleTransport},
	{text: "_destination_concurrency_failed_cohort_limit", role: roleTransport},
	{text: "_destination_concurrency_limit", role: roleTransport},
	{text: "_destination_concurrency_negative_feedback", role: roleTransport},
	{text: "_destination_concurrency_positive_feedback", role: roleTransport},
	{text: "_destination_rate_delay", role: roleTransport},
	{text: "_destination_recipient_limit", role: roleTransport},
	{text: "_extra_recipient_limit", role: roleTransport},
	{text: "_initial_destination_concurrency", role: roleTransport, value: "$initial_destination_concurrency"},
	{text: "_minimum_delivery_slots", role: roleTransport},
	{text: "_recipient_limit", role: roleTransport},
	{text: "_recipient_refill_delay", role: roleTransport},
	{text: "_recipient_refill_limit", role: roleTransport},
	{text: "_time_limit", role: roleCommand, value: "$command_time_limit"},
	{text: "_transport_rate_delay", role: roleTransport},
}

// services are those of a master.cf that have parameters of their own.
type services struct {
	names []string         // in the order of the file
	roles map[string]uint8 // by name
}

// readServices returns the services. It skips entries with too few columns.
func readServices(master *config.MasterFile) services {
	found := services{roles: make(map[string]uint8)}
	if master == nil {
		return found
	}
	for i := range master.Entries {
		e := &master.Entries[i]
		if e.Misplaced() || len(e.Fields) < config.NumColumns {
			continue
		}
		role, name := roleOf(e.Fields[config.ColumnCommand].Text), e.Fields[config.ColumnName].Text
		if role == 0 {
			continue
		}
		if found.roles[name] == 0 {
			found.names = append(found.names, name)
		}
		found.roles[name] |= role
	}
	return found
}

// value returns the default of a parameter of one of the services.
func (s *services) value(name string) (text string, ok bool) {
	for i := range suffixes {
		x := &suffixes[i]
		service, ok := strings.CutSuffix(name, x.text)
		switch {
		case !ok || s.roles[service]&x.role == 0:
		case x.value == "":
			return "$default" + x.text, true
		default:
			return x.value, true
		}
	}
	return "", false
}

// ServiceOf returns the service whose parameter has a name; it may not exist. ok is
// false if no service can have a parameter of the name.
func ServiceOf(name string) (service string, ok bool) {
	for i := range suffixes {
		if service, ok = strings.CutSuffix(name, suffixes[i].text); ok && service != "" {
			return service, true
		}
	}
	return "", false
}

// parameters returns the names of all parameters of the services.
func (s *services) parameters() (names []string) {
	for _, service := range s.names {
		for i := range suffixes {
			if suffixes[i].role&s.roles[service] != 0 {
				names = append(names, service+suffixes[i].text)
			}
		}
	}
	return names
}
