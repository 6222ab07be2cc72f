package child

import (
	"testing"

	"github.com/stationmaster/stationmaster/core"
)

// Available means that the next client is accepted (spec runtime, 8): a master
// that believes it starts nobody else and does not watch the listener.
func TestFullServerIsTakenUntilAClientLeaves(t *testing.T) {
	const exitIdle, exitUsed, exitGone = "exit idle", "exit used", "exit master-gone"
	for _, c := range []struct {
		name     string
		settings Settings
		turns    []turn
	}{
		{"multi with all its clients is taken, also between requests", Settings{Skeleton: Multi, MaxClients: 2}, []turn{
			{0, Started, "watch"},
			{1, ConnectionReady, "accept"},
			{1, Accepted, "serve, watch"},
			{2, RequestBegan, "report taken"},
			{2, RequestEnded, "report available"},
			{2, Reported, ""},
			{3, ConnectionReady, "accept"},
			{3, Accepted, "report taken, serve"},
			{4, ConnectionReady, ""},
			{4, RequestBegan, ""},
			{4, RequestBegan, ""},
			{5, RequestEnded, ""},
			{5, RequestEnded, ""},
			{6, Served, "report available"},
			{6, Reported, "watch"},
			{7, RequestBegan, "report taken"},
			{8, RequestEnded, "report available"},
			{8, Reported, ""},
			{9, Served, ""},
		}},
		{"multi that fills up in a request says nothing twice", Settings{Skeleton: Multi, MaxClients: 2}, []turn{
			{0, Started, "watch"},
			{1, ConnectionReady, "accept"},
			{1, Accepted, "serve, watch"},
			{2, RequestBegan, "report taken"},
			{3, ConnectionReady, "accept"},
			{3, Accepted, "serve"},
			{4, Served, "watch"},
			{5, ConnectionReady, "accept"},
			{5, Accepted, "serve"},
			{6, RequestEnded, ""},
			{7, Served, "report available"},
			{7, Reported, "watch"},
		}},
		{"multi fills up while it reports that it is available", Settings{Skeleton: Multi, MaxClients: 2}, []turn{
			{0, Started, "watch"},
			{1, ConnectionReady, "accept"},
			{1, Accepted, "serve, watch"},
			{2, RequestBegan, "report taken"},
			{3, ConnectionReady, "accept"},
			{3, RequestEnded, "report available"},
			{3, Accepted, "report taken, serve"},
			{3, Reported, ""},
			{4, Served, "report available"},
			{4, Reported, "watch"},
		}},
		{"event with all its clients is taken until one leaves", Settings{Skeleton: EventDriven, MaxClients: 2}, []turn{
			{0, Started, "watch"},
			{1, ConnectionReady, "accept"},
			{1, Accepted, "report taken, serve, watch"},
			{1, RequestEnded, "report available"},
			{1, Reported, ""},
			{2, ConnectionReady, "accept"},
			{2, Accepted, "report taken, serve"},
			{2, RequestEnded, ""},
			{3, ConnectionReady, ""},
			{4, Served, "report available"},
			{4, Reported, "watch"},
			{5, Served, ""},
			{6, ConnectionReady, "accept"},
			{6, AcceptMissed, "watch"},
		}},
		{"event with room and a slow function stays taken", Settings{Skeleton: EventDriven, MaxClients: 2}, []turn{
			{0, Started, "watch"},
			{1, ConnectionReady, "accept"},
			{1, Accepted, "report taken, serve, watch"},
			{2, ConnectionReady, "accept"},
			{2, Accepted, "serve"},
			{3, RequestEnded, ""},
			{4, Served, "watch"},
			{5, RequestEnded, "report available"},
			{5, Reported, ""},
		}},
		{"who is full and leaves with its last client does not offer room", Settings{Skeleton: EventDriven, MaxClients: 1, MaxUse: 2}, []turn{
			{0, Started, "watch"},
			{1, ConnectionReady, "accept"},
			{1, Accepted, "report taken, serve"},
			{1, RequestEnded, ""},
			{2, Served, "report available"},
			{2, Reported, "watch"},
			{3, ConnectionReady, "accept"},
			{3, Accepted, "report taken, serve"},
			{3, RequestEnded, ""},
			{4, Served, exitUsed},
		}},
		{"who was full is idle from its last client on", Settings{Skeleton: Multi, MaxClients: 1, MaxIdle: 10 * core.Second}, []turn{
			{0, Started, "watch"},
			{1 * second, ConnectionReady, "accept"},
			{1 * second, Accepted, "report taken, serve"},
			{20 * second, TimerExpired, ""},
			{30 * second, Served, "report available"},
			{32 * second, Reported, "watch"},
			{40*second - 1, TimerExpired, ""},
			{40 * second, TimerExpired, exitIdle},
		}},
		{"who is full and has no master reports nothing", Settings{Skeleton: EventDriven, MaxClients: 2, Drain: true}, []turn{
			{0, Started, "watch"},
			{1, ConnectionReady, "accept"},
			{1, Accepted, "report taken, serve, watch"},
			{1, RequestEnded, "report available"},
			{1, Reported, ""},
			{2, ConnectionReady, "accept"},
			{2, Accepted, "report taken, serve"},
			{2, RequestEnded, ""},
			{3, ChannelClosed, ""},
			{4, Served, ""},
			{5, Served, exitGone},
		}},
		{"a failed report of room ends it", Settings{Skeleton: EventDriven, MaxClients: 2}, []turn{
			{0, Started, "watch"},
			{1, ConnectionReady, "accept"},
			{1, Accepted, "report taken, serve, watch"},
			{1, RequestEnded, "report available"},
			{1, Reported, ""},
			{2, ConnectionReady, "accept"},
			{2, Accepted, "report taken, serve"},
			{2, RequestEnded, ""},
			{4, Served, "report available"},
			{4, ReportFailed, exitGone},
		}},
		{"who is full and retired offers no room", Settings{Skeleton: EventDriven, MaxClients: 2, RetireAfter: core.Second}, []turn{
			{0, Started, "watch"},
			{1, ConnectionReady, "accept"},
			{1, Accepted, "report taken, serve, watch"},
			{1, RequestEnded, "report available"},
			{1, Reported, ""},
			{2, ConnectionReady, "accept"},
			{2, Accepted, "report taken, serve"},
			{2, RequestEnded, ""},
			{second, TimerExpired, ""},
			{2 * second, Served, ""},
			{3 * second, Served, "exit retired"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := New(0, c.settings)
			play(t, &m, c.turns)
		})
	}
}
