// SPDX-License-Identifier: GPL-2.0-only
/*
 * The route to a BAR, on a kernel that does not export the question.
 *
 * It is the kernel's own code, with our hook, compiled once more from the source of
 * the very package that the running kernel was built from: so it gives the same
 * answers, and both remember them in the same place, the provider's own table. What
 * else the file has is not used here, and exports nothing.
 */
#include <linux/export.h>

#undef EXPORT_SYMBOL_GPL
#define EXPORT_SYMBOL_GPL(sym)

#include "../../pci/p2pdma.c"
