package core_test

import (
	"fmt"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
)

// A machine is driven by hand: a service with room for one process, a client, the
// process that serves it, and its end.
func Example() {
	m := core.New(0, core.MachineOptions{GroupLeader: true})
	now := core.Time(0)
	step := func(ev core.Event) {
		fmt.Println(ev.Kind)
		actions := m.Step(now, ev)
		for i := range actions {
			fmt.Println("  " + string(actions[i].AppendText(nil)))
		}
	}

	echo := core.ServiceConfig{
		Name: "echo", Canonical: "private/echo", Type: core.Unix, Line: 1,
		Endpoints: []core.Endpoint{{Path: "private/echo"}}, LocalOnly: true,
		ProcessLimit: 1, Command: "echod", Path: "/usr/libexec/echod", ThrottleDelay: 60 * core.Second,
	}
	step(core.ConfigLoadedEvent(0, &core.Config{MailVersion: "3.7.11", ConfigDirectory: "/etc/postfix", Services: []core.ServiceConfig{echo}}))
	step(core.ListenerOpenedEvent(1, 0)) // the answer to open-listener

	step(core.ListenerReadyEvent(1))       // a client came
	step(core.ChildStartedEvent(1, 1, 42)) // the answer to start-child

	// The child accepts the client and reports on its status channel.
	taken := wire.Message{PID: 42, Generation: 1, Status: wire.Taken}.Append(nil)
	step(core.StatusReceivedEvent(1, [wire.StatusSize]byte(taken), len(taken)))
	fmt.Println(m.View().Services[0].State)

	// It crashes before it has served anyone: the service rests for 60 s.
	step(core.ChildExitedEvent(1, 42, core.ExitedWith(1)))
	now, _ = m.Deadline()
	step(core.TimerExpiredEvent())

	// Output:
	// config-loaded
	//   open-listener service=1 listener=0 entry="private/echo/unix" endpoint="private/echo"
	// listener-opened
	//   apply-config
	//   log info: daemon started -- version 3.7.11, configuration /etc/postfix
	//   announce
	//   watch-listener service=1
	// listener-ready
	//   start-child service=1 generation=1 entry="private/echo/unix" path="/usr/libexec/echod"
	//   ignore-listener service=1
	// child-started
	// status-received
	// saturated
	// child-exited
	//   log warning: process /usr/libexec/echod pid 42 exit status 1
	//   log warning: /usr/libexec/echod: bad command startup -- throttling
	// timer-expired
	//   watch-listener service=1
}
