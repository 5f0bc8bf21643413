// SPDX-License-Identifier: Apache-2.0
// A C++ program that has nothing of Terrace but what is installed.
#include <memory_resource>
#include <vector>

#include <terrace/topology.h>
#include <terrace/terrace.hpp>

int main() {
  terrace::Machine machine;
  const terrace::TensorMemory tensor = machine.allocate({.bytes = 4096, .name = "w"});
  tensor.as<int>()[1023] = 7;
  terrace::PoolResource pool(machine, {});
  const std::pmr::vector<int> numbers(1000, 7, &pool);
  const auto topology = terrace::discover_topology({});
  return topology.ok() && numbers[999] == tensor.as<int>()[1023] ? 0 : 1;
}
