// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "kernels/device_pass.cuh"
#include "kernels/for_each_index.cuh"
#include "kernels/second_moment.cuh"

namespace steepest::kernels {
namespace {

// Element i of the residuals laid out (padded rows, d + 1): w [x 1], and 0 past the chunk's rows.
template <class T>
struct WeightElement {
  ChunkRows<T> chunk;
  std::int64_t pitch;
  std::int64_t stride;
  T* out;

  STEEPEST_HD void operator()(std::int64_t i) const {
    const std::int64_t r = i / stride;
    out[i] = r < chunk.chunk.rows ? chunk.targets.weight_of(chunk.targets.row_of(r)) *
                                        chunk.features[r * pitch + i % stride]
                                  : T(0);
  }
};

// Element i of rows laid out (count, width): sqrt(w) [x 1 y], the rows being those from `first` on.
template <class T>
struct MomentElement {
  DeviceRows<T> held;
  const T* features;  // of row `first`
  std::int64_t first;
  std::int64_t stride;
  std::int64_t outputs;
  double* out;

  STEEPEST_HD void operator()(std::int64_t i) const {
    const std::int64_t width = stride + outputs;
    const std::int64_t r = i / width;
    const std::int64_t j = i % width;
    const T value = j < stride ? features[r * held.pitch + j]
                               : held.targets[(first + r) * outputs + (j - stride)];
    const double weight =
        held.weights == nullptr ? 1.0 : std::sqrt(static_cast<double>(held.weights[first + r]));
    out[i] = weight * static_cast<double>(value);
  }
};

// Elements of rows that go to double at a time: 128 MB.
constexpr std::int64_t elements_at_a_time = std::int64_t{1} << 24;

}  // namespace

template <class T>
std::vector<double> device_moments(DeviceData<T>& data, std::int64_t outputs,
                                   const MatrixProducts& products) {
  const BankShape shape{data.features(), 1, 1};
  const std::int64_t width = shape.stride() + outputs;
  DevicePass<T> pass(shape, data.pass_rows(), 0, products);
  const std::int64_t most =
      std::min(pass.most_rows(),
               std::min(data.rows(), std::max<std::int64_t>(1, elements_at_a_time / width)));
  DeviceBuffer<double> rows(most * width, "rows of second moments");
  DeviceBuffer<double> moment(width * width, "second moments");
  fill_bytes(moment.data(), moment.size(), 0, products.stream());
  for (std::int64_t first = 0; first < data.rows(); first += most) {
    const std::int64_t count = std::min(most, data.rows() - first);
    pass.visit(first, count, [&](const T* features) {
      for_each_index(
          "widening rows", count * width, products.stream(),
          MomentElement<T>{pass.data(), features, first, shape.stride(), outputs, rows.data()});
    });
    products.add_moment(count, width, rows.data(), moment.data());
  }
  std::vector<double> result(static_cast<std::size_t>(width * width));
  download(moment.data(), width * width, result.data(), products.stream());
  for (std::int64_t i = 0; i < width; ++i) {
    for (std::int64_t j = 0; j <= i; ++j) {
      double& element = result[static_cast<std::size_t>(i * width + j)];
      element /= static_cast<double>(data.rows());
      result[static_cast<std::size_t>(j * width + i)] = element;
    }
  }
  return result;
}

template std::vector<double> device_moments(DeviceData<float>&, std::int64_t,
                                            const MatrixProducts&);
template std::vector<double> device_moments(DeviceData<double>&, std::int64_t,
                                            const MatrixProducts&);

template <class T>
std::vector<double> device_second_moment(DeviceData<T>& data, const RowSelection& rows,
                                         const MatrixProducts& products) {
  const BankShape shape{data.features(), data.features() + 1, 1};
  DevicePass<T> pass(shape, data.pass_rows(), rows.shuffled ? rows.count : 0, products);
  const PassSums<T> sums =
      pass.run(rows, {rows.first + rows.count, false}, nullptr, [&](const ChunkRows<T>& chunk) {
        for_each_index(
            "weighting rows", chunk.chunk.padded_rows() * shape.stride(), products.stream(),
            WeightElement<T>{chunk, pass.data().pitch, shape.stride(), pass.residuals()});
      });
  std::vector<double> moment = pass.gradient(sums);
  for (double& element : moment) {
    element /= static_cast<double>(rows.count);
  }
  return moment;
}

template std::vector<double> device_second_moment(DeviceData<float>&, const RowSelection&,
                                                  const MatrixProducts&);
template std::vector<double> device_second_moment(DeviceData<double>&, const RowSelection&,
                                                  const MatrixProducts&);

}  // namespace steepest::kernels
