/* SPDX-License-Identifier: MIT */
/*
 * What the files of dmabuf_phys_kvm_paging have in common
 */
#ifndef TESTS_KVM_PAGING_H
#define TESTS_KVM_PAGING_H

#include <stdbool.h>

#include "kvm_loop.h"
#include "scene.h"

/* Exit code of a guest's guest: a nested page fault */
#define SVM_EXIT_NPF 0x400

/**
 * paging_rewrite - rewrite page tables in use while slots and access come and go
 * @scene: whose exporter's BAR
 * @guest: opened anew
 * @nested: the tables are those that the guest has for its guest
 */
void paging_rewrite(struct scene *scene, struct guest *guest, bool nested);

#endif /* TESTS_KVM_PAGING_H */
