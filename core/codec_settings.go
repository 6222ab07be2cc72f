package core

import (
	"bytes"
	"net/netip"
)

// options visits the options; the previous format lacks the last one.
func (c *codec) options(o *MachineOptions, old bool) {
	c.bool(&o.InitMode)
	c.bool(&o.GroupLeader)
	c.bool(&o.Verbose)
	c.bool(&o.ExitSet)
	number(c, &o.ExitAfter)
	c.bool(&o.Strict)
	if !old {
		number(c, &o.Descriptors)
	}
}

func (c *codec) account(a *Account) {
	c.string(&a.Name)
	number(c, &a.UID)
	number(c, &a.GID)
}

func (c *codec) endpoint(e *Endpoint) {
	var text string
	if !c.reading && e.Path == "" && e.Address.IsValid() { // a refused configuration may name neither
		text = e.Address.String()
	}
	c.string(&e.Path)
	c.string(&text)
	if !c.reading || text == "" {
		return
	}
	address, err := netip.ParseAddrPort(text)
	if err != nil || e.Path != "" || address.String() != text {
		c.fail()
		return
	}
	e.Address = address
}

func (c *codec) serviceConfig(s *ServiceConfig) {
	c.string(&s.Name)
	c.string(&s.Canonical)
	number(c, &s.Type)
	number(c, &s.Line)
	list(c, &s.Endpoints, c.endpoint)
	c.bool(&s.Unprivileged)
	c.bool(&s.Chroot)
	c.bool(&s.LocalOnly)
	c.bool(&s.HostInName)
	number(c, &s.WakeupInterval)
	c.bool(&s.WakeupIfUsed)
	number(c, &s.ProcessLimit)
	c.string(&s.Command)
	c.string(&s.Path)
	c.strings(&s.Args)
	number(c, &s.ThrottleDelay)
	number(c, &s.Backlog)
	number(c, &s.WindowSize)
	c.account(&s.Owner)
	c.bool(&s.ForegroundFlag)
	c.bool(&s.VerboseFlag)
	c.bool(&s.SwitchIdentity)
}

// sameSettings reports whether a reload from s to o changes nothing of the
// service's own.
func (s *ServiceConfig) sameSettings(o *ServiceConfig) bool {
	return bytes.Equal(s.ownSettings(), o.ownSettings())
}

// ownSettings encodes the settings that count as a change of the service: all but its
// identity, its position in the file, the settings of its listeners, and the flags of
// this master.
func (s *ServiceConfig) ownSettings() []byte {
	own := *s
	own.Canonical, own.Type, own.Line = "", 0, 0
	own.Endpoints, own.HostInName, own.Backlog, own.WindowSize = nil, false, 0, 0
	own.ForegroundFlag, own.VerboseFlag, own.SwitchIdentity = false, false, false
	var c codec
	c.serviceConfig(&own)
	return c.b
}

func (c *codec) diagnostic(d *Diagnostic) {
	number(c, &d.Severity)
	c.string(&d.File)
	number(c, &d.Line)
	number(c, &d.Column)
	c.string(&d.Text)
	c.string(&d.Hint)
}

func (c *codec) environmentItem(e *EnvironmentItem) {
	c.string(&e.Name)
	c.string(&e.Value)
	c.bool(&e.Set)
}

func (c *codec) logSettings(l *LogSettings) {
	c.string(&l.Name)
	number(c, &l.Facility)
	c.string(&l.File)
	c.string(&l.PostlogPath)
	c.string(&l.Hostname)
	c.bool(&l.AllowUnicode)
}

func (c *codec) config(f *Config) {
	c.string(&f.MailVersion)
	c.string(&f.ConfigDirectory)
	c.string(&f.QueueDirectory)
	c.string(&f.DataDirectory)
	c.string(&f.DaemonDirectory)
	c.account(&f.MailOwner)
	c.string(&f.InetInterfaces)
	c.string(&f.InetProtocols)
	c.string(&f.DebuggerCommand)
	list(c, &f.Environment, c.environmentItem)
	c.logSettings(&f.Log)
	list(c, &f.Services, c.serviceConfig)
	list(c, &f.Diagnostics, c.diagnostic)
	c.bool(&f.ReloadClearsThrottle)
	c.string(&f.JournalFile)
	number(c, &f.JournalLimit)
}

// AppendOptions appends the options to dst.
func AppendOptions(dst []byte, o MachineOptions) []byte {
	c := codec{b: dst}
	c.options(&o, false)
	return c.b
}

// ReadOptions decodes options from b, in the previous format if old. Accepted
// options of the current format encode to the same bytes again.
func ReadOptions(b []byte, old bool) (o MachineOptions, rest []byte, err error) {
	c := codec{b: b, reading: true}
	c.options(&o, old)
	return o, c.b, c.err
}
