package advice

// server is what one of Postfix's own servers demands of its entry. Where a
// server dies at once of the wrong value this was seen on release 3.7.11; the
// rest is from master(5) and the servers' manual pages.
type server struct {
	limit     limitRule
	wakeup    wakeupRule
	root      bool    // needs privileges, and cannot work chrooted
	privacy   privacy // of type unix and fifo
	arguments argumentRule
}

type limitRule uint8

const (
	anyLimit  limitRule = iota
	limitOne            // refuses to start with another limit than 1
	limitNone           // refuses to start with another limit than 0
)

type wakeupRule uint8

const (
	wakeupIsNoise  wakeupRule = iota // treats the wakeup as a client and complains
	wakeupIsUsed                     // uses it, but works without
	wakeupIsNeeded                   // does part of its work only when wakened
)

type privacy uint8

const (
	anywhere privacy = iota
	private          // clients look for it in private/
	public           // clients look for it in public/
)

type argumentRule uint8

const (
	optionsOnly  argumentRule = iota // refuses to start with any other argument
	attributes                       // flags= with some of the letters DORX
	ownArguments                     // the program's own affair
)

// servers are Postfix's own, by the name of the program.
var servers = map[string]server{
	"anvil":           {limit: limitOne, privacy: private},
	"bounce":          {limit: limitNone, privacy: private},
	"cleanup":         {limit: limitNone, privacy: public},
	"discard":         {privacy: private},
	"dnsblog":         {limit: limitNone, privacy: private},
	"error":           {privacy: private},
	"flush":           {limit: limitNone, privacy: public, wakeup: wakeupIsNeeded},
	"lmtp":            {privacy: private, arguments: attributes},
	"local":           {privacy: private, root: true},
	"nqmgr":           {limit: limitOne, privacy: public, wakeup: wakeupIsNeeded},
	"oqmgr":           {limit: limitOne, privacy: public, wakeup: wakeupIsNeeded},
	"pickup":          {limit: limitOne, privacy: public, wakeup: wakeupIsNeeded},
	"pipe":            {privacy: private, root: true, arguments: ownArguments},
	"postlogd":        {limit: limitOne, arguments: ownArguments},
	"postscreen":      {limit: limitOne, arguments: ownArguments},
	"proxymap":        {privacy: private},
	"qmgr":            {limit: limitOne, privacy: public, wakeup: wakeupIsNeeded},
	"qmqpd":           {},
	"scache":          {limit: limitOne, privacy: private},
	"showq":           {privacy: public},
	"smtp":            {privacy: private, arguments: attributes},
	"smtpd":           {},
	"spawn":           {root: true, arguments: ownArguments},
	"tlsmgr":          {limit: limitOne, privacy: private, wakeup: wakeupIsUsed},
	"tlsproxy":        {limit: limitNone, privacy: private},
	"trivial-rewrite": {privacy: private},
	"verify":          {limit: limitOne, privacy: private},
	"virtual":         {privacy: private, root: true},
}

// serverNames are the names of servers, sorted.
var serverNames = [...]string{
	"anvil", "bounce", "cleanup", "discard", "dnsblog", "error", "flush", "lmtp", "local", "nqmgr", "oqmgr", "pickup",
	"pipe", "postlogd", "postscreen", "proxymap", "qmgr", "qmqpd", "scache", "showq", "smtp", "smtpd", "spawn", "tlsmgr",
	"tlsproxy", "trivial-rewrite", "verify", "virtual",
}

// transports are the parameters that name a delivery service, as
// "service:nexthop".
var transports = [...]string{
	"address_verify_default_transport", "address_verify_local_transport", "address_verify_relay_transport",
	"address_verify_virtual_transport", "content_filter", "default_transport", "fallback_transport", "local_transport",
	"mailbox_transport", "relay_transport", "virtual_transport",
}
