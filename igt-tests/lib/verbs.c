// SPDX-License-Identifier: MIT
#include "igt_core.h"
#include "verbs.h"

void verbs_dereg_mr(struct verbs *verbs, const struct verbs_mr *mr)
{
	int ret = __verbs_dereg_mr(verbs, mr);

	igt_assert_f(!ret, "cannot deregister memory region %u: %s\n",
		     mr->handle, strerror(-ret));
}
