/* SPDX-License-Identifier: GPL-2.0 */
#ifndef INTERRUPT_H
#define INTERRUPT_H

#include <stdbool.h>

/**
 * interrupt_catch - from now on Ctrl-C is only noted
 *
 * So are SIGTERM and SIGHUP, for verbs that have something to say before they
 * end. The second one does what it did before.
 */
void interrupt_catch(void);

/** interrupted - has there been one? */
bool interrupted(void);

#endif /* INTERRUPT_H */
