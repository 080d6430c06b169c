import { Matrix3, Quaternion, Vector3 } from 'three'

/** The smallest rotation that turns the vector `from` into the direction of `to`; none where one has no length. */
export function shortestTurn(from, to) {
  const turn = new Quaternion()
  if (!(from.lengthSq() > 0 && to.lengthSq() > 0)) return turn
  return turn.setFromUnitVectors(from.clone().normalize(), to.clone().normalize())
}

/** The rotation that turns the vectors `from` into `to` with the least squared error, by Gauss and Newton. */
export function bestTurn(from, to) {
  const turn = shortestTurn(from[0], to[0])
  for (let step = 0; from.length > 1 && step < 20; step++) {
    const there = from.map((vector) => vector.clone().applyQuaternion(turn))
    const torque = new Vector3()
    there.forEach((vector, n) => torque.add(vector.clone().cross(to[n])))
    const by = torque.applyMatrix3(inertia(there).invert())
    const angle = by.length()
    if (angle < 1e-10) break
    turn.premultiply(new Quaternion().setFromAxisAngle(by.divideScalar(angle), angle))
  }
  return turn
}

/** Of points with a mass of 1; a little more than that, so that points on one line have an inverse too. */
function inertia(points) {
  const [xx, xy, xz, yy, yz, zz] = [0, 0, 0, 0, 0, 0].map((_, n) => {
    const [a, b] = ['xx', 'xy', 'xz', 'yy', 'yz', 'zz'][n]
    return points.reduce((sum, point) => sum + point[a] * point[b], 0)
  })
  const all = (xx + yy + zz) * (1 + 1e-6)
  return new Matrix3().set(all - xx, -xy, -xz, -xy, all - yy, -yz, -xz, -yz, all - zz)
}
