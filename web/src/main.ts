import { mount } from 'svelte'
import App from './App.svelte'
import { exposeCounters } from './draw/loop'
import { tidyAddress } from './lib/api'
import { router } from './lib/route.svelte'
import { theme } from './lib/theme.svelte'
import 'uplot/dist/uPlot.min.css'
import './styles/base.css'

theme.start()
router.start()
void tidyAddress()
exposeCounters()
mount(App, { target: document.getElementById('app')! })
