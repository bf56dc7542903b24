/* SPDX-License-Identifier: MIT */
#ifndef LIB_VERBS_H
#define LIB_VERBS_H

#include "devices/verbs.h"

/** verbs_dereg_mr - __verbs_dereg_mr() or fail the test */
void verbs_dereg_mr(const struct verbs_mr *mr);

#endif /* LIB_VERBS_H */
