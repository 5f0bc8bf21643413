// SPDX-License-Identifier: Apache-2.0
// The shared library is made of static parts; this file only gives it a source of its own.
#include <terrace/memory_resource.h>
#include <terrace/terrace.h>
#include <terrace/topology.h>
