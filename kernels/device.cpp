// SPDX-License-Identifier: Apache-2.0
// Which device a run uses: chosen by name, never by silent fallback.
#include "steepest/device.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <numeric>
#include <string>

#include "kernels/backend.hpp"
#include "kernels/host_steps.hpp"
#include "kernels/thread_pool.hpp"
#include "kernels/tile_products.hpp"
#include "steepest/engine.hpp"
#include "steepest/error.hpp"

namespace steepest {

DeviceChoice parse_device(std::string_view text) {
  if (text == "auto") {
    return {DeviceChoice::Kind::automatic, 0};
  }
  if (text == "cpu") {
    return {DeviceChoice::Kind::cpu, 0};
  }
  if (text == "cuda") {
    return {DeviceChoice::Kind::cuda, 0};
  }
  constexpr std::string_view prefix = "cuda:";
  if (text.substr(0, prefix.size()) == prefix) {
    int ordinal = -1;
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data() + prefix.size(), end, ordinal);
    if (parsed.ec == std::errc() && parsed.ptr == end && ordinal >= 0) {
      return {DeviceChoice::Kind::cuda, ordinal};
    }
  }
  throw OptionError(fmt::format("device \"{}\" is not known: use auto, cpu, cuda or cuda:N", text));
}

std::string_view name(DeviceKind kind) { return kind == DeviceKind::cpu ? "cpu" : "cuda"; }

std::vector<DeviceInfo> list_devices() {
  std::vector<DeviceInfo> devices{kernels::describe_cpu(0)};
  for (DeviceInfo& device : kernels::describe_cuda_devices()) {
    devices.push_back(std::move(device));
  }
  return devices;
}

Precision parse_precision(std::string_view text) {
  for (const Precision precision :
       {Precision::automatic, Precision::fp64, Precision::fp32, Precision::tf32, Precision::bf16}) {
    if (name(precision) == text) {
      return precision;
    }
  }
  throw OptionError(
      fmt::format("precision \"{}\" is not known: use auto, fp64, fp32, tf32 or bf16", text));
}

std::string_view name(Precision precision) {
  switch (precision) {
    case Precision::fp64:
      return "fp64";
    case Precision::fp32:
      return "fp32";
    case Precision::tf32:
      return "tf32";
    case Precision::bf16:
      return "bf16";
    case Precision::automatic:
      break;
  }
  return "auto";
}

Storage parse_storage(std::string_view text) {
  for (const Storage storage :
       {Storage::automatic, Storage::float32, Storage::bfloat16, Storage::uint8}) {
    if (name(storage) == text) {
      return storage;
    }
  }
  throw OptionError(
      fmt::format("storage \"{}\" is not known: use auto, float32, bfloat16 or uint8", text));
}

std::string_view name(Storage storage) {
  switch (storage) {
    case Storage::float32:
      return "float32";
    case Storage::bfloat16:
      return "bfloat16";
    case Storage::uint8:
      return "uint8";
    case Storage::automatic:
      break;
  }
  return "auto";
}

Engine parse_engine(std::string_view text) {
  for (const Engine engine :
       {Engine::automatic, Engine::products, Engine::fused, Engine::block, Engine::grid,
        Engine::stream, Engine::graph, Engine::moments, Engine::line}) {
    if (name(engine) == text) {
      return engine;
    }
  }
  throw OptionError(
      fmt::format("engine \"{}\" is not known: use auto, products, fused, block, grid, stream, "
                  "graph, moments or line",
                  text));
}

std::string_view name(Engine engine) {
  switch (engine) {
    case Engine::products:
      return "products";
    case Engine::fused:
      return "fused";
    case Engine::block:
      return "block";
    case Engine::grid:
      return "grid";
    case Engine::stream:
      return "stream";
    case Engine::graph:
      return "graph";
    case Engine::moments:
      return "moments";
    case Engine::line:
      return "line";
    case Engine::automatic:
      break;
  }
  return "auto";
}

void check_engine(Engine engine, DeviceKind kind) {
  if (kind == DeviceKind::cpu && engine != Engine::automatic) {
    throw OptionError(
        fmt::format("--engine {} is for a GPU, and this run is on the CPU: use --device cuda, or "
                    "leave --engine at auto",
                    name(engine)));
  }
}

namespace kernels {
namespace {

std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.rfind("model name", 0) == 0) {
      const auto colon = line.find(": ");
      return colon == std::string::npos ? line : line.substr(colon + 2);
    }
  }
  return "CPU";
}

}  // namespace

DeviceInfo describe_cpu(int threads) {
  DeviceInfo info;
  info.kind = DeviceKind::cpu;
  info.threads = threads > 0 ? threads : ThreadPool(0).threads();
  info.name = fmt::format("{} ({})", processor_name(), vector_instruction_set());
  info.memory_bytes = static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGE_SIZE);
  return info;
}

Precision resolve_precision(Precision asked, DeviceKind kind, std::int64_t columns) {
  constexpr std::int64_t columns_bound_by_memory = 2;
  if (asked != Precision::automatic) {
    return asked;
  }
  return kind == DeviceKind::cpu && columns <= columns_bound_by_memory ? Precision::fp64
                                                                       : Precision::fp32;
}

DeviceInfo choose_device(const DeviceChoice& choice, int threads) {
  if (choice.kind == DeviceChoice::Kind::cpu) {
    return describe_cpu(threads);
  }
  const std::vector<DeviceInfo> found = describe_cuda_devices();
  if (choice.kind == DeviceChoice::Kind::automatic) {
    for (const DeviceInfo& device : found) {
      if (device.usable) {
        return device;
      }
    }
    return describe_cpu(threads);
  }
  if (!found.front().usable && found.size() == 1) {
    throw DeviceError(fmt::format("cuda cannot be used: {}", found.front().problem));
  }
  for (const DeviceInfo& device : found) {
    if (device.ordinal != choice.ordinal) {
      continue;
    }
    if (!device.usable) {
      throw DeviceError(fmt::format("cuda:{} cannot be used: {}", choice.ordinal, device.problem));
    }
    return device;
  }
  throw DeviceError(fmt::format("cuda:{} does not exist: this machine has {} CUDA device{}",
                                choice.ordinal, found.size(), found.size() == 1 ? "" : "s"));
}

LineValue Backend::evaluate_on_line(const std::vector<double>& point,
                                    const std::vector<double>& direction, double length) {
  std::vector<double> at = point;
  for (std::size_t e = 0; e < at.size(); ++e) {
    at[e] -= length * direction[e];
  }
  const LossAndGradient found = evaluate_at(at);
  return {found.mean_loss,
          std::inner_product(direction.begin(), direction.end(), found.gradient.begin(), 0.0)};
}

std::unique_ptr<Backend> make_backend(const DeviceInfo& device, int threads, Precision precision,
                                      Engine engine) {
  check_engine(engine, device.kind);
  if (engine == Engine::moments || engine == Engine::line) {
    auto rows_held = make_cuda_backend(device.ordinal, precision, Engine::products);
    return engine == Engine::moments ? make_moments_backend(std::move(rows_held), threads)
                                     : make_line_backend(std::move(rows_held), threads);
  }
  return device.kind == DeviceKind::cpu ? make_cpu_backend(threads, precision)
                                        : make_cuda_backend(device.ordinal, precision, engine);
}

}  // namespace kernels
}  // namespace steepest
