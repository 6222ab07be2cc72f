package sys

import (
	"errors"
	"slices"
	"testing"

	"github.com/stationmaster/stationmaster/core"
)

// identities records the calls, and refuses to become root a number of times.
type identities struct {
	asked   []string
	refuses int
}

func (k *identities) Assume(uint32, uint32) (core.ListenStep, core.Errno) {
	k.asked = append(k.asked, "owner")
	return core.StepNone, 0
}

func (k *identities) Resume() core.Errno {
	k.asked = append(k.asked, "root")
	if k.refuses--; k.refuses >= 0 {
		return core.EAGAIN
	}
	return 0
}

// The code that handles a panic logs it and saves the journal, as root.
func TestRootIsBackBeforeAPanicIsHandled(t *testing.T) {
	bug := errors.New("a bug")
	for _, refuses := range []int{0, 2, resumeTries} {
		k := &identities{refuses: refuses}
		func() {
			defer func() {
				if got := recover(); got != bug {
					t.Errorf("root refused %d times: recovered %v, want %v", refuses, got, bug)
				}
				k.asked = append(k.asked, "handled")
			}()
			AsOwner(k, core.Account{Name: "postfix"}, func() { panic(bug) })
		}()
		want := []string{"owner"}
		for range min(refuses+1, resumeTries) {
			want = append(want, "root")
		}
		if want = append(want, "handled"); !slices.Equal(k.asked, want) {
			t.Errorf("root refused %d times: asked for %v, want %v", refuses, k.asked, want)
		}
	}
}

func TestRootThatIsRefusedIsAPanicOfItsOwn(t *testing.T) {
	defer func() {
		lost, ok := recover().(*IdentityLost)
		if !ok || lost.Owner.Name != "postfix" || lost.Errno != core.EAGAIN {
			t.Errorf("recovered %v", lost)
		}
	}()
	AsOwner(&identities{refuses: resumeTries}, core.Account{Name: "postfix"}, func() {})
	t.Error("it went on as the owner")
}
