/** The images nearest to the point, so that the map can light them. */
class NearImages {
  origins = $state.raw<string[]>([])
}

export const near = new NearImages()
