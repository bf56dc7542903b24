/* SPDX-License-Identifier: GPL-2.0 */
#ifndef INTERRUPT_H
#define INTERRUPT_H

/**
 * interrupt_catch - from now on Ctrl-C is only noted
 *
 * So are SIGTERM and SIGHUP, for verbs that have something to say before they
 * end. The second one does what it did before.
 */
void interrupt_catch(void);

/** interrupted - has there been one? Return: the signal, or 0 */
int interrupted(void);

/**
 * interrupt_die - end by a signal
 * @sig: the one to end by
 *
 * So that whoever started this program learns how it ended: a shell ends a script
 * at Ctrl-C only if the program has ended by it, too. May be called in a signal
 * handler. Leaves no core.
 */
void interrupt_die(int sig) __attribute__((noreturn));

#endif /* INTERRUPT_H */
