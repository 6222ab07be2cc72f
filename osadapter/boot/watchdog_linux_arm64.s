#include "go_asm.h"
#include "textflag.h"

// tick handles SIGALRM: R0 has its number, R1 what the kernel knows of it. It runs on
// the thread's stack for signals and uses nothing of Go. Signals that are not the
// timer's (SI_TIMER, -2) are nothing.
TEXT tick<>(SB), NOSPLIT|NOFRAME, $0
	MOVW	8(R1), R2
	ADDW	$2, R2
	CBNZW	R2, back
	MOVD	$·ticks(SB), R2

again:
	LDAXRW	(R2), R3
	ADDW	$1, R3
	STLXRW	R3, (R2), R4
	CBNZW	R4, again
	CMPW	$const_watchdogTicks, R3
	BLO	back
	MOVD	$1, R0
	MOVD	$94, R8	// exit_group
	SVC

back:
	RET

// restore is where tick returns to.
TEXT restore<>(SB), NOSPLIT|NOFRAME, $0
	MOVD	$139, R8	// rt_sigreturn
	SVC
	BRK

// func tickHandler() uintptr
TEXT ·tickHandler(SB), NOSPLIT, $0-8
	MOVD	$tick<>(SB), R0
	MOVD	R0, ret+0(FP)
	RET

// func tickReturn() uintptr
TEXT ·tickReturn(SB), NOSPLIT, $0-8
	MOVD	$restore<>(SB), R0
	MOVD	R0, ret+0(FP)
	RET
