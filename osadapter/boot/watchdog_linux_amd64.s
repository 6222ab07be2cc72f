#include "go_asm.h"
#include "textflag.h"

// tick handles SIGALRM: DI has its number, SI what the kernel knows of it. It runs on
// the thread's stack for signals and uses nothing of Go. Signals that are not the
// timer's (SI_TIMER, -2) are nothing.
TEXT tick<>(SB), NOSPLIT|NOFRAME, $0
	CMPL	8(SI), $-2
	JNE	back
	MOVL	$1, AX
	LOCK
	XADDL	AX, ·ticks(SB)
	CMPL	AX, $(const_watchdogTicks-1)
	JB	back
	MOVL	$1, DI
	MOVL	$231, AX	// exit_group
	SYSCALL

back:
	RET

// restore is where tick returns to.
TEXT restore<>(SB), NOSPLIT|NOFRAME, $0
	MOVL	$15, AX	// rt_sigreturn
	SYSCALL
	INT	$3

// func tickHandler() uintptr
TEXT ·tickHandler(SB), NOSPLIT, $0-8
	LEAQ	tick<>(SB), AX
	MOVQ	AX, ret+0(FP)
	RET

// func tickReturn() uintptr
TEXT ·tickReturn(SB), NOSPLIT, $0-8
	LEAQ	restore<>(SB), AX
	MOVQ	AX, ret+0(FP)
	RET
