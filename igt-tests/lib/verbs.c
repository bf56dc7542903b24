// SPDX-License-Identifier: MIT
#include "igt_core.h"
#include "verbs.h"

void verbs_dereg_mr(const struct verbs_mr *mr)
{
	int ret = __verbs_dereg_mr(mr);

	igt_assert_f(!ret, "cannot deregister memory region 0x%x: %s\n",
		     mr->lkey, strerror(-ret));
}
